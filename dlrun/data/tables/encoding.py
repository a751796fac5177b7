"""A table's raw numbers as features, by what the training rows taught: medians, categories, what may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.source import Encoded, Encoder, Fitted, Rows, joined
from dlrun.data.tables.columns import Column
from dlrun.data.tables.rows import TableRows, read_blocks
from dlrun.errors import DataError, did_you_mean
from dlrun.wording import printable

if TYPE_CHECKING:
    from typing_extensions import Self

_BLOCK_ROWS = 65_536
Floats = NDArray[np.float32]


class TableEncoder(Encoder):
    """Columns as features: amounts, then flags of missing ones, then categories one-hot or as codes.

    A missing amount becomes the training rows' median, with a flag where training rows lacked it; a missing category
    is a category of its own where training rows had it. A category never seen in training is code 0, or all zeros.

    words: the categories by column, as the raw codes of training rows count them.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        embed: bool,
        max_categories: int,
        delimiter: str = "auto",
        encoding: str = "utf-8",
        words: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.columns = tuple(columns)
        self.words = dict(words or {})
        self.embed = embed
        self._max_categories = max_categories
        self._delimiter, self._encoding = delimiter, encoding
        self._medians: list[float] = []  # one a raw number
        self._lacking: list[bool] = []  # one a column: whether training rows lacked a value
        self.categories: tuple[int, ...] = ()  # sizes of the trailing features that hold codes, as in DataSpec
        self.kept: dict[str, list[str]] = {}  # by column: the categories with a code of their own, from 1 on

    def state(self) -> dict[str, Any]:
        return {
            "columns": [[column.name, column.kind] for column in self.columns],
            "embed": self.embed,
            "max_categories": self._max_categories,
            "delimiter": self._delimiter,
            "encoding": self._encoding,
            "medians": self._medians,
            "lacking": self._lacking,
            "kept": self.kept,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """From what `state` gave."""
        encoder = cls(
            [Column(name, kind) for name, kind in state["columns"]],
            embed=state["embed"],
            max_categories=state["max_categories"],
            delimiter=state["delimiter"],
            encoding=state["encoding"],
        )
        encoder._medians, encoder._lacking = list(state["medians"]), list(state["lacking"])
        encoder.kept = {name: list(words) for name, words in state["kept"].items()}
        encoder._measure()
        return encoder

    def fitted(self, splits: dict[str, Rows]) -> Fitted:
        """Learn from the raw training rows, and make features of every split: the `fit` of its Source.

        Split by split in place of the raw rows: a table may be so large that it must not be held twice.
        """
        self.learn(splits["train"].in_memory())
        for name, rows in splits.items():
            splits[name] = Rows(self.finish(rows.in_memory()), rows.targets)
        return Fitted(splits, self, num_scaled=self.num_scaled, categories=self.categories)

    def learn(self, inputs: Tensor) -> None:
        """Learn medians and categories from the raw training rows, (N, R) float32."""
        raw = inputs.numpy()
        self._medians, self._lacking, self.kept = [], [], {}
        for column, start in self._placed():
            values = raw[:, start : start + column.width]
            missing = np.isnan(values[:, 0])
            self._lacking.append(bool(missing.any()))
            if column.kind == "category":
                self.kept[column.name] = self._commonest(column.name, values[~missing, 0])
                self._medians.append(0.0)
            else:
                present = values[~missing] if self._lacking[-1] else values
                medians = np.median(present, axis=0) if len(present) else np.zeros(column.width)
                self._medians += [float(median) for median in medians]
        self._measure()

    def _commonest(self, name: str, codes: Floats) -> list[str]:
        counts = np.bincount(codes.astype(np.int64), minlength=len(self.words[name]))
        seen = sorted((-int(count), word) for word, count in zip(self.words[name], counts, strict=True) if count)
        return sorted(word for _, word in seen[: self._max_categories])

    def _placed(self) -> list[tuple[Column, int]]:
        """Each column and where its raw numbers begin."""
        placed, start = [], 0
        for column in self.columns:
            placed.append((column, start))
            start += column.width
        return placed

    def _num_codes(self, column: Column, lacking: bool) -> int:
        return 1 + len(self.kept[column.name]) + lacking

    def _measure(self) -> None:
        """Count features by what was learnt."""
        amounts = [column for column in self.columns if column.kind != "category"]
        sizes = [
            self._num_codes(column, lacking)
            for column, lacking in zip(self.columns, self._lacking, strict=True)
            if column.kind == "category"
        ]
        flags = sum(
            lacking for column, lacking in zip(self.columns, self._lacking, strict=True) if column.kind != "category"
        )
        self._num_amounts = sum(column.width for column in amounts)
        self._num_features = self._num_amounts + flags + (len(sizes) if self.embed else sum(sizes) - len(sizes))
        self.categories = tuple(sizes) if self.embed else ()

    @property
    def num_scaled(self) -> int:
        """How many leading features are amounts, to be standardised."""
        return self._num_amounts

    def finish(self, inputs: Tensor) -> Tensor:
        """Raw rows as features, (N, R) -> (N, F); may work in place."""
        return torch.from_numpy(self._finished(inputs.numpy(), self.words))

    def _finished(self, raw: Floats, words: Mapping[str, Sequence[str]]) -> Floats:
        if self._num_features == raw.shape[1] == self._num_amounts:  # amounts alone, none ever missing in training
            self._fill(raw)
            return raw
        codes_of = {name: self._codes_of(name, words[name]) for name in self.kept}
        features = np.zeros((len(raw), self._num_features), dtype=np.float32)
        for first in range(0, len(raw), _BLOCK_ROWS):
            block = slice(first, first + _BLOCK_ROWS)
            self._finish_block(raw[block], features[block], codes_of)
        return features

    def _fill(self, raw: Floats) -> None:
        for index, median in enumerate(self._medians):
            column = raw[:, index]
            np.copyto(column, np.float32(median), where=np.isnan(column))

    def _codes_of(self, name: str, words: Sequence[str]) -> NDArray[np.int64]:
        """The code of each word, 0 where it was never seen in training; the last is that of a missing value."""
        kept = {word: code for code, word in enumerate(self.kept[name], start=1)}
        column = [column.name for column in self.columns].index(name)
        missing = len(kept) + 1 if self._lacking[column] else 0
        return np.array([*(kept.get(word, 0) for word in words), missing], dtype=np.int64)

    def _finish_block(self, raw: Floats, features: Floats, codes_of: Mapping[str, NDArray[np.int64]]) -> None:
        """(B, R) -> (B, F), in place; `features` begin as zeros."""
        amount, flag = 0, self._num_amounts
        for (column, start), lacking in zip(self._placed(), self._lacking, strict=True):
            if column.kind == "category":
                continue
            missing = np.isnan(raw[:, start])
            medians = np.asarray(self._medians[start : start + column.width], dtype=np.float32)
            values = raw[:, start : start + column.width]
            features[:, amount : amount + column.width] = np.where(missing[:, None], medians, values)
            amount += column.width
            if lacking:
                features[:, flag] = missing
                flag += 1
        for (column, start), lacking in zip(self._placed(), self._lacking, strict=True):
            if column.kind != "category":
                continue
            table = codes_of[column.name]
            values = raw[:, start]
            codes = table[np.where(np.isnan(values), len(table) - 1, values).astype(np.int64)]
            if self.embed:
                features[:, flag] = codes
                flag += 1
                continue
            known = np.flatnonzero(codes)
            features[known, flag + codes[known] - 1] = 1.0
            flag += self._num_codes(column, lacking) - 1

    def blocks(self, path: Path) -> Iterator[TableRows]:
        """A file's rows of these columns, many at a time.

        Raises DataError where a column is not there.
        """
        file = ArrowTable(path, delimiter=self._delimiter, encoding=self._encoding)
        for column in self.columns:
            if column.name not in file.names:
                what = f'there is no column "{printable(column.name)}", which the run was trained on.'
                raise DataError(f"{file.shown}: {what} {did_you_mean(column.name, file.names)}".rstrip())
        return read_blocks(file, self.columns, num_rows=_BLOCK_ROWS)

    def encode(self, path: Path) -> Encoded:
        return joined(self.chunks(path), path)

    def chunks(self, path: Path) -> Iterator[Encoded]:
        for rows in self.blocks(path):
            yield Encoded(torch.from_numpy(self._finished(rows.raw, rows.words)))
