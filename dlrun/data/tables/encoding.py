"""Raw numbers of a table as features, with the medians and categories of the training rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.files.status_line import long_work
from dlrun.data.source import ChunkedEncoder, Encoded, Fitted, Rows
from dlrun.data.spec import Block
from dlrun.data.tables.blocks import BlockEncoder, ImageBlock, check_memory, restored_block
from dlrun.data.tables.columns import BLOCK_KINDS, WORD_KINDS, Column
from dlrun.data.tables.image_files import find_images
from dlrun.data.tables.new_rows import open_new_rows, other_form
from dlrun.data.tables.rows import TableRows, read_blocks

if TYPE_CHECKING:
    from typing_extensions import Self

_BLOCK_ROWS = 65_536
_BLOCK_BYTES = 64 << 20  # of the features of as many rows, where texts or images make them wide
Floats = NDArray[np.float32]


class TableEncoder(ChunkedEncoder):
    """Columns as features: numbers, flags of missing values, categories one-hot or as codes, then texts and images.

    A missing number becomes the median of the training rows, with a flag if any training row had it missing; a missing
    category is a category of its own if any training row had it missing. A category that no training row has is code
    0, or all zeros.

    words: the categories by column, in the order of the raw codes; likewise texts, and paths of images. blocks: one
    encoder for each column of texts or images, in order.
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
        blocks: Sequence[BlockEncoder] = (),
    ) -> None:
        self.columns = tuple(columns)
        self.words = dict(words or {})
        self.embed = embed
        self._max_categories = max_categories
        self._delimiter, self._encoding = delimiter, encoding
        self._blocks = tuple(blocks)
        self._medians: list[float] = []  # one for each raw number
        self._had_missing: list[bool] = []  # one for each column: whether any training row had it missing
        self.categories: tuple[int, ...] = ()  # sizes of the trailing features that are codes, as in DataSpec
        self.known: dict[str, list[str]] = {}  # by column: the categories with codes from 1

    def state(self) -> dict[str, Any]:
        state = {
            "columns": [[column.name, column.kind] for column in self.columns],
            "lenient": [column.name for column in self.columns if column.lenient],
            "embed": self.embed,
            "max_categories": self._max_categories,
            "delimiter": self._delimiter,
            "encoding": self._encoding,
            "medians": self._medians,
            "lacking": self._had_missing,
            "kept": self.known,
        }
        return {**state, "blocks": [block.state() for block in self._blocks]} if self._blocks else state

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted encoder whose `state` this is."""
        encoder = cls(
            [Column(name, kind, lenient=name in state.get("lenient", ())) for name, kind in state["columns"]],
            embed=state["embed"],
            max_categories=state["max_categories"],
            delimiter=state["delimiter"],
            encoding=state["encoding"],
            blocks=[restored_block(block) for block in state.get("blocks", ())],
        )
        encoder._medians, encoder._had_missing = list(state["medians"]), list(state["lacking"])
        encoder.known = {name: list(words) for name, words in state["kept"].items()}
        encoder._measure()
        return encoder

    def fit_transform(self, splits: dict[str, Rows]) -> Fitted:
        """Fit on the raw training rows and make features of every split: the `fit` of a Source.

        Replaces the raw rows split by split, since a large table must not be in memory twice.
        """
        self.fit(splits["train"].in_memory())
        check_memory(sum(map(len, splits.values())), self._num_features, self.blocks)
        images = [block for block in self._blocks if isinstance(block, ImageBlock)]
        for image in images:
            image.load(self._used(image.name, splits.values()))
        for name, rows in splits.items():
            splits[name] = dataclasses.replace(rows, inputs=self.transform(rows.in_memory()))
        for image in images:
            image.unload()
        return Fitted(splits, self, num_scaled=self.num_scaled, categories=self.categories, blocks=self.blocks)

    def fit(self, inputs: Tensor) -> None:
        """Learn medians and categories from the raw training rows, (N, R) float32."""
        raw = inputs.numpy()
        self._medians, self._had_missing, self.known = [], [], {}
        blocks = {block.name: block for block in self._blocks}
        for column, start in self._placed():
            values = raw[:, start : start + column.width]
            missing = np.isnan(values[:, 0])
            self._had_missing.append(bool(missing.any()))
            if column.kind == "category":
                self.known[column.name] = self._commonest(column.name, values[~missing, 0])
                self._medians.append(0.0)
            elif column.kind in BLOCK_KINDS:
                blocks[column.name].fit(self.words[column.name], values[~missing, 0].astype(np.int64))
                self._medians.append(0.0)
            else:
                present = values[~missing] if self._had_missing[-1] else values
                medians = np.median(present, axis=0) if len(present) else np.zeros(column.width)
                self._medians += [float(median) for median in medians]
        self._measure()

    def _commonest(self, name: str, codes: Floats) -> list[str]:
        counts = np.bincount(codes.astype(np.int64), minlength=len(self.words[name]))
        seen = sorted((-int(count), word) for word, count in zip(self.words[name], counts, strict=True) if count)
        return sorted(word for _, word in seen[: self._max_categories])

    def _placed(self) -> list[tuple[Column, int]]:
        """Each column and the index of its first raw number."""
        placed, start = [], 0
        for column in self.columns:
            placed.append((column, start))
            start += column.width
        return placed

    def _num_codes(self, column: Column, *, had_missing: bool) -> int:
        return 1 + len(self.known[column.name]) + had_missing

    def _measure(self) -> None:
        """Count the features, once fitted."""
        numbers = [column for column in self.columns if column.kind not in WORD_KINDS]
        sizes = [
            self._num_codes(column, had_missing=had_missing)
            for column, had_missing in zip(self.columns, self._had_missing, strict=True)
            if column.kind == "category"
        ]
        flags = sum(
            had_missing
            for column, had_missing in zip(self.columns, self._had_missing, strict=True)
            if column.kind != "category"
        )
        self._num_numbers = sum(column.width for column in numbers)
        self._num_features = self._num_numbers + flags + (len(sizes) if self.embed else sum(sizes) - len(sizes))
        blocks: list[Block] = []
        for encoder in self._blocks:
            blocks.append(encoder.block(self._num_features))
            self._num_features += blocks[-1].width
        self.blocks = tuple(blocks)
        self._rows_at_once = (
            min(_BLOCK_ROWS, max(1, _BLOCK_BYTES // (4 * self._num_features))) if blocks else _BLOCK_ROWS
        )
        self.categories = tuple(sizes) if self.embed else ()

    @property
    def num_scaled(self) -> int:
        """How many leading features are numbers, to be standardised."""
        return self._num_numbers

    def transform(self, inputs: Tensor) -> Tensor:
        """Raw rows as features, (N, R) -> (N, F); may work in place."""
        return torch.from_numpy(self._features(inputs.numpy(), self.words))

    def _features(self, raw: Floats, words: Mapping[str, Sequence[str]]) -> Floats:
        if self._num_features == raw.shape[1] == self._num_numbers:  # numbers alone, none ever missing in training
            self._fill_missing(raw)
            return raw
        had_missing = dict(zip((column.name for column in self.columns), self._had_missing, strict=True))
        codes_of = {name: self._codes_of(name, words[name], had_missing=had_missing[name]) for name in self.known}
        features = np.zeros((len(raw), self._num_features), dtype=np.float32)
        with (
            long_work("Encoding texts and images", len(raw), unit="rows")
            if self._blocks
            else nullcontext(_ignore) as done
        ):
            for first in range(0, len(raw), self._rows_at_once):
                rows = slice(first, first + self._rows_at_once)
                self._fill_block(raw[rows], features[rows], codes_of)
                for block, encoder in zip(self.blocks, self._blocks, strict=True):
                    place = slice(block.start, block.start + block.width)
                    encoder.fill(self._codes(raw[rows], block.name), words[block.name], features[rows, place])
                done(len(raw[rows]))
        return features

    def _fill_missing(self, raw: Floats) -> None:
        for index, median in enumerate(self._medians):
            column = raw[:, index]
            np.copyto(column, np.float32(median), where=np.isnan(column))

    def _codes_of(self, name: str, words: Sequence[str], *, had_missing: bool) -> NDArray[np.int64]:
        """The code of each word, 0 if no training row has it; the last one is the code of a missing value."""
        codes = {word: code for code, word in enumerate(self.known[name], start=1)}
        missing = len(codes) + 1 if had_missing else 0
        found = (codes.get(word) or codes.get(other_form(word), 0) for word in words)
        return np.array([*found, missing], dtype=np.int64)

    def _fill_block(self, raw: Floats, features: Floats, codes_of: Mapping[str, NDArray[np.int64]]) -> None:
        """Write features, (B, R) -> (B, F), into zeros."""
        number, flag = 0, self._num_numbers
        for (column, start), had_missing in zip(self._placed(), self._had_missing, strict=True):
            if column.kind == "category":
                continue
            missing = np.isnan(raw[:, start])
            if column.kind not in BLOCK_KINDS:
                medians = np.asarray(self._medians[start : start + column.width], dtype=np.float32)
                values = raw[:, start : start + column.width]
                features[:, number : number + column.width] = np.where(missing[:, None], medians, values)
                number += column.width
            if had_missing:
                features[:, flag] = missing
                flag += 1
        for (column, start), had_missing in zip(self._placed(), self._had_missing, strict=True):
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
            flag += self._num_codes(column, had_missing=had_missing) - 1

    def _used(self, name: str, splits: Iterable[Rows]) -> list[str]:
        """The words of a column that some row has: with `dataset.limit`, few of the file's."""
        codes = np.unique(np.concatenate([self._codes(rows.in_memory().numpy(), name) for rows in splits]))
        return [self.words[name][int(code)] for code in codes[~np.isnan(codes)]]

    def _codes(self, raw: Floats, name: str) -> Floats:
        """The raw numbers of a column of words, (N, R) -> (N,)."""
        return next(raw[:, start] for column, start in self._placed() if column.name == name)

    def read(self, path: Path) -> Iterator[TableRows]:
        """Yield the rows of a file, many at a time.

        Raises DataError for a file without one of the columns.
        """
        file = open_new_rows(path, self.columns, delimiter=self._delimiter, encoding=self._encoding)
        images = find_images(file, [column.name for column in self.columns if column.kind == "image"])
        for block in self._blocks:
            if isinstance(block, ImageBlock):
                block.facts = images.facts
        for rows in read_blocks(file, self.columns, num_rows=self._rows_at_once, refused=images.refused):
            rows.words = images.located(rows.words)
            yield rows

    def chunks(self, path: Path) -> Iterator[Encoded]:
        for rows in self.read(path):
            yield Encoded(torch.from_numpy(self._features(rows.raw, rows.words)))


def _ignore(count: int) -> None:
    """Progress that no line shows."""
