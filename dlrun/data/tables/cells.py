"""A column of a batch as raw numbers: which values are missing, bad, or strays that count as missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.data.tables.columns import NONE, WORD_KINDS, Column, raw_values

_HUGE = float(np.finfo(np.float32).max)
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """A column of a batch.

    values: (B, width) float32. Masks, (B,): is_null of missing values; is_stray of those that are not of the kind of a
    lenient column; bad of those that are not of the kind of any other, or too large. text_of: a row's value as text.
    strays: how often each stray is there.
    """

    values: Floats
    is_null: Mask
    is_stray: Mask
    bad: Mask
    text_of: Callable[[Any], str]
    strays: Mapping[str, int] = field(default_factory=dict)

    @property
    def num_present(self) -> int:
        """How many values are there, strays among them."""
        return len(self.values) - int(self.is_null.sum())


def cells_of(
    array: Any, column: Column, codes: dict[str, int], refused: Mapping[str, str] = MappingProxyType({})
) -> Cells:
    """Convert an Arrow array of float64, or a dictionary of texts.

    codes: of the words so far; new ones are added. refused: words that are bad.
    """
    if not hasattr(array, "indices"):
        numbers = array.to_numpy(zero_copy_only=False)
        is_null = np.isnan(numbers)
        with np.errstate(invalid="ignore", over="ignore"):
            bad = (np.abs(numbers) > _HUGE) | (column.is_weight & (numbers < 0))
            raw = numbers.astype(np.float32)[:, None]
        return Cells(raw, is_null, np.zeros_like(is_null), bad, lambda row: f"{numbers[row]:g}")
    words = array.dictionary.to_pylist()
    is_null = ~np.asarray(array.is_valid())
    indices = array.indices.fill_null(len(words)).to_numpy(
        zero_copy_only=False
    )  # a null is the index after the last word
    none_is_null = NONE in words and not (column.is_target and column.kind == "category")
    if none_is_null:
        is_null = is_null | (indices == words.index(NONE))
    if column.kind in WORD_KINDS:
        numbers = [np.nan if none_is_null and word == NONE else codes.setdefault(word, len(codes)) for word in words]
        table = np.array(numbers, dtype=np.float32).reshape(-1, 1)
        table[[number for number, word in enumerate(words) if word in refused]] = np.inf
    else:
        table = raw_values(column.kind, words)
    table = np.concatenate([table, np.full((1, column.width), np.nan, dtype=np.float32)])
    values = table[indices]  # (B,) -> (B, width)
    bad = (~np.isfinite(values[:, 0]) & ~is_null) | (column.is_weight & (values[:, 0] < 0))
    is_stray = np.isnan(values[:, 0]) & ~is_null & column.lenient
    found, counts = np.unique(indices[is_stray], return_counts=True)
    strays = {words[index]: int(count) for index, count in zip(found, counts, strict=True)}
    return Cells(values, is_null, is_stray, bad & ~is_stray, lambda row: words[indices[row]], strays)
