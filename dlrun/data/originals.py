"""Rows as the user has them, before they were encoded: to show some of them beside what a model says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from dlrun.data.source import Rows

_WHOLE = 1e15  # below it, whole numbers are written without an exponent


@dataclass(frozen=True)
class Original:
    """One row.

    place: which one it is, "cats/1.png" or "row 17 of people.csv"; empty if that is not known. cells: of a table, by
    column; empty where a value is missing. image: a file. sound: a WAV file's content, what the model hears.
    """

    place: str = ""
    text: str | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    image: Path | None = None
    sound: bytes | None = None


Originals = Callable[[str, "Rows", Sequence[int]], list[Original]]
"""Return some rows of a part of a Source, "train", "val" or "test", given its raw rows and their numbers from 0.

It may read the rows' files, and raises DataError for one that is missing or has changed.
"""


def named_numbers(names: Sequence[str]) -> Originals:
    """Return the originals of a dataset whose raw rows are numbers with these names."""

    def originals(part: str, rows: Rows, numbers: Sequence[int]) -> list[Original]:
        del part
        found = rows[torch.tensor(numbers, dtype=torch.int64)].in_memory().numpy()  # (B, F)
        return [
            Original(cells={name: as_written(value) for name, value in zip(names, row, strict=False)}) for row in found
        ]

    return originals


def as_written(value: float) -> str:
    """Return a float32 as a person writes it: "5.1", "1200"; empty if it is missing."""
    value = float(value)
    if math.isnan(value):
        return ""
    if abs(value) < _WHOLE and value == int(value):
        return str(int(value))
    return str(np.float32(value))
