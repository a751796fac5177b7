"""Kinds of columns: inferred from values, and values as raw numbers of a kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

KINDS = ("number", "category", "boolean", "date", "text", "ignore")
DATE_PARTS = ("year", "month", "day", "weekday", "hour")
EXPECTED: Mapping[str, str] = {
    "number": "a number",
    "boolean": "yes or no",
    "date": "a date as 2026-01-31 or 2026-01-31 12:30",
}
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*|\s*[-+]?inf(inity)?\s*", re.IGNORECASE)
_CODE = re.compile(r"0\d+")  # a postcode or an account number: without its zeros it would be another one
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_TRUE = {"yes": 1.0, "y": 1.0, "true": 1.0, "t": 1.0}
_FALSE = {"no": 0.0, "n": 0.0, "false": 0.0, "f": 0.0}
_MOSTLY = 0.9  # share of numbers from which the other values of a column are mistakes


@dataclass(frozen=True)
class Column:
    """A column by name and kind."""

    name: str
    kind: str
    is_weight: bool = False  # numbers from 0 up

    @property
    def width(self) -> int:
        """How many raw numbers a value becomes."""
        return len(DATE_PARTS) if self.kind == "date" else 1


def kind_of(values: Sequence[str | None], *, max_categories: int) -> str:
    """Infer the kind of a column from its first values; None is a missing one.

    Mostly numbers: number; yes/no or true/false: boolean; mostly ISO dates: date; few distinct texts: category;
    many: text; no value at all: "missing".
    """
    present = [value for value in values if value is not None]
    if not present:
        return "missing"
    distinct = set(present)
    if sum(_NUMBER.fullmatch(value) is not None for value in present) >= _MOSTLY * len(present):
        return "category" if any(_CODE.fullmatch(value) for value in distinct) else "number"
    if {value.lower() for value in distinct} <= {*_TRUE, *_FALSE}:
        return "boolean"
    if sum(_DATE.fullmatch(value) is not None for value in present) >= _MOSTLY * len(present):
        return "date"
    few = len(distinct) <= max(20, len(present) // 2)
    return "category" if few and len(distinct) <= max_categories else "text"


def raw_values(kind: str, values: Sequence[str]) -> NDArray[np.float32]:
    """Convert texts to the raw numbers of a kind, (V, width) float32; NaN for a text that is not of that kind."""
    if kind == "number":
        return np.array([[_number(value)] for value in values], dtype=np.float32).reshape(-1, 1)
    if kind == "boolean":
        known = {**_TRUE, **_FALSE, "1": 1.0, "0": 0.0}
        return np.array([[known.get(value.lower(), np.nan)] for value in values], dtype=np.float32).reshape(-1, 1)
    return np.array([_date(value) for value in values], dtype=np.float32).reshape(-1, len(DATE_PARTS))


def _number(value: str) -> float:
    return float(value) if _NUMBER.fullmatch(value) else np.nan


def _date(value: str) -> tuple[float, ...]:
    try:
        moment = datetime.fromisoformat(value.removesuffix("Z"))
    except ValueError:
        return (np.nan,) * len(DATE_PARTS)
    return moment.year, moment.month, moment.day, moment.weekday(), moment.hour + moment.minute / 60
