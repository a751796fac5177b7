"""Rows as the user has them, before they were encoded: to show some of them beside what a model says of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

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


def as_written(value: float) -> str:
    """Return a float32 as a person writes it: "5.1", "1200"; empty if it is missing."""
    value = float(value)
    if math.isnan(value):
        return ""
    if abs(value) < _WHOLE and value == int(value):
        return str(int(value))
    return str(np.float32(value))
