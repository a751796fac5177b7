"""Kinds of columns: inferred from values, and values as raw numbers of a kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from dlrun.wording import printable

KINDS = ("number", "category", "boolean", "date", "text", "image", "ignore")
BLOCK_KINDS = ("text", "image")  # read only where the user sets them: a value becomes many features
WORD_KINDS = ("category", *BLOCK_KINDS)  # the raw number is the index of a word
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
_UNKNOWN = {"-", "--", ".", "..", "unknown", "missing", "not available", "n.a.", "n.d."}  # stand for no number at all
_MOSTLY = 0.9  # share of numbers from which the other values of a column stand for missing ones
_HALF = 0.5
_SPECIAL, _ESCAPED = re.compile(r"[][(){}:=,\\]"), r"\\\g<0>"


NONE = "None"  # what Python writes for a missing value, and R and people for a class


@dataclass(frozen=True)
class Column:
    """A column by name and kind.

    lenient: a value that is not of the kind counts as missing; otherwise its row is bad.
    is_target: "None" is a class of a target of classes; in other columns it is a missing value.
    is_weight: whether a number below 0 is bad.
    """

    name: str
    kind: str
    lenient: bool = False
    is_target: bool = False
    is_weight: bool = False

    @property
    def width(self) -> int:
        """How many raw numbers a value becomes."""
        return len(DATE_PARTS) if self.kind == "date" else 1


def starts_of(columns: Iterable[Column]) -> dict[str, int]:
    """Return by name where the raw numbers of each column begin."""
    starts, start = {}, 0
    for column in columns:
        starts[column.name] = start
        start += column.width
    return starts


def present_counts(values: Iterable[str | None]) -> Counter[str]:
    """Return how often each value is there, without missing ones."""
    return Counter(value for value in values if value is not None and value != NONE)


def kind_of(counts: Mapping[str, int], *, max_categories: int) -> str:
    """Return the kind of a column from its values and how often each is there, without missing ones.

    Mostly numbers: number; yes/no or true/false: boolean; mostly ISO dates: date; few distinct texts: category;
    many: text; no value at all: "missing".
    """
    present = sum(counts.values())
    if not present:
        return "missing"
    if mostly(counts, _of_kind("number", counts), present=present):
        return "category" if any(_CODE.fullmatch(value) for value in counts) else "number"
    if {value.lower() for value in counts} <= {*_TRUE, *_FALSE}:
        return "boolean"
    if mostly(counts, _of_kind("date", counts), present=present):
        return "date"
    return "category" if len(counts) <= max_categories and not nearly_distinct(counts) else "text"


def first_guess(counts: Mapping[str, int], *, max_categories: int) -> str:
    """Return the kind to read a column as when `counts` is of its first rows alone; the whole column decides.

    Only a column of more texts than may be categories is text, since more rows cannot have fewer.
    """
    kind = kind_of(counts, max_categories=max_categories)
    if kind == "missing":
        return "category"
    if kind != "text":
        return kind
    if sum(counts[value] for value in _of_kind("number", counts)) >= _HALF * sum(counts.values()):
        return "number"
    return "category" if len(counts) <= max_categories else "text"


def mostly(counts: Mapping[str, int], good: Collection[str], *, present: int) -> bool:
    """Whether nine in ten of the values are in `good`; words such as "unknown" and "-" do not count.

    counts: how often a value is there; those in `good` may be left out. present: how many values there are.
    """
    unknown = sum(count for value, count in counts.items() if value.lower() in _UNKNOWN)
    wrong = sum(count for value, count in counts.items() if value not in good) - unknown
    return present > unknown and present - unknown - wrong >= _MOSTLY * (present - unknown)


def nearly_distinct(counts: Mapping[str, int]) -> bool:
    """Whether a column has more than 20 distinct values, and more than one for every two rows."""
    return len(counts) > max(20, sum(counts.values()) // 2)


def _of_kind(kind: str, values: Collection[str]) -> set[str]:
    pattern = _NUMBER if kind == "number" else _DATE
    return {value for value in values if pattern.fullmatch(value) is not None}


def raw_values(kind: str, values: Sequence[str]) -> NDArray[np.float32]:
    """Convert texts to the raw numbers of a kind, (V, width) float32; NaN for a text that is not of that kind."""
    if kind == "number":
        with np.errstate(over="ignore"):  # too large for float32: infinite, and reported as such
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


def setting(name: str, kind: str) -> str:
    """Return the override that sets the kind of a column, with its special characters escaped as Hydra wants it."""
    return settings({name: kind})


def settings(kinds: Mapping[str, str]) -> str:
    """Return the override that sets the kinds of several columns, as `setting` does."""
    each = ", ".join(f"{_SPECIAL.sub(_ESCAPED, printable(name))}: {kind}" for name, kind in kinds.items())
    return f"dataset.columns={{{each}}}"
