"""The columns of dense rows, with the features that each became: rules judge and name columns, models see features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun.data.prepare import DataBundle
from dlrun.data.tables.columns import BLOCK_KINDS, settings
from dlrun.data.tables.encoding import TableEncoder
from dlrun.lint.subject import Subject
from dlrun.wording import printable


@dataclass(frozen=True)
class FeatureColumn:
    """A column and the places of its features in a row.

    name: None where rows come without names. numbers: the number that it is, several for a date. flag: of a missing
    value. codes: its category, one-hot or a single code. block: the tokens of a text or the pixels of an image.
    """

    name: str | None
    kind: str = "number"
    numbers: tuple[int, ...] = ()
    flag: tuple[int, ...] = ()
    codes: tuple[int, ...] = ()
    block: tuple[int, ...] = ()

    @property
    def features(self) -> tuple[int, ...]:
        """All its features."""
        return (*self.numbers, *self.flag, *self.codes, *self.block)

    def values(self, rows: Tensor) -> Tensor:
        """Return what each value of the column says alone, (N, F) -> (N, V): numbers, a flag, the code of a category.

        A text or an image says nothing in one number.
        """
        found = rows[:, [*self.numbers, *self.flag]]
        if not self.codes:
            return found
        codes = rows[:, list(self.codes)]
        if len(self.codes) > 1:
            codes = ((codes.argmax(dim=1) + 1) * codes.any(dim=1)).unsqueeze(1)  # one-hot (N, C) -> (N, 1)
        return torch.cat([found, codes.to(rows.dtype)], dim=1)


def columns_of(data: DataBundle) -> list[FeatureColumn]:
    """Return the columns of dense rows, in the order of the table; without names, each feature is a column."""
    if isinstance(data.encoder, TableEncoder):
        return _of_encoder(data.encoder)
    return [FeatureColumn(None, numbers=(place,)) for place in range(data.spec.num_features)]


def shown(columns: Iterable[FeatureColumn], every: Sequence[FeatureColumn]) -> str:
    """Return columns in words: "price", or feature 3 (from 0) where rows come without names."""
    return ", ".join(
        f"feature {every.index(column)}" if column.name is None else f'"{printable(column.name)}"' for column in columns
    )


def ignoring(subject: Subject, columns: Sequence[FeatureColumn]) -> str | None:
    """Return the override that leaves columns out besides those that are left out already; None without names."""
    kinds = subject.value("dataset.columns")
    names = [column.name for column in columns if column.name is not None]
    if not isinstance(kinds, dict) or not names:
        return None
    return settings({**kinds, **dict.fromkeys(names, "ignore")})


def _of_encoder(encoder: TableEncoder) -> list[FeatureColumn]:
    """As `TableEncoder` lays features out: numbers, flags, categories, then texts and images."""
    had_missing = dict(zip((column.name for column in encoder.columns), encoder.state()["lacking"], strict=True))
    numbers: dict[str, tuple[int, ...]] = {}
    flags: dict[str, tuple[int, ...]] = {}
    codes: dict[str, tuple[int, ...]] = {}
    place, next_place = 0, encoder.num_scaled
    for column in [column for column in encoder.columns if column.kind != "category"]:
        if column.kind not in BLOCK_KINDS:
            numbers[column.name] = tuple(range(place, place + column.width))
            place += column.width
        if had_missing[column.name]:
            flags[column.name] = (next_place,)
            next_place += 1
    for column in [column for column in encoder.columns if column.kind == "category"]:
        width = 1 if encoder.embed else len(encoder.known[column.name]) + int(had_missing[column.name])
        codes[column.name] = tuple(range(next_place, next_place + width))
        next_place += width
    blocks = {block.name: tuple(range(block.start, block.start + block.width)) for block in encoder.blocks}
    return [
        FeatureColumn(
            column.name,
            column.kind,
            *(found.get(column.name, ()) for found in (numbers, flags, codes, blocks)),
        )
        for column in encoder.columns
    ]
