"""Ranges of values that a search draws from, in Hydra's own grammar: `interval(a, b)`, `tag(log, interval(a, b))`.

A command line's ranges are read by Hydra's parser; a recipe's by a bounded reader of the same grammar, which evaluates
nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from dlrun.configuration.override_text import Value, value_of
from dlrun.configuration.safe_yaml import parse_scalar

DIGITS = 6
"""Significant digits of a drawn number: what a user would type, and exactly what is trained."""

GRAMMAR = "interval(1e-4, 1e-1), tag(log, interval(1e-4, 1e-1)), range(1, 9) or choice(A, B)"
_NUMBER = r"[-+]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][-+]?\d{1,3})?"
_INTERVAL = re.compile(
    rf"(?:start\s*=\s*)?(?P<low>{_NUMBER}|[-+]?inf|nan)\s*,\s*(?:end\s*=\s*)?(?P<high>{_NUMBER}|[-+]?inf|nan)",
    re.ASCII | re.IGNORECASE,
)
_STEPS = re.compile(rf"(?P<first>{_NUMBER})\s*(?:,\s*(?P<stop>{_NUMBER})\s*(?:,\s*(?P<step>{_NUMBER})\s*)?)?", re.ASCII)
_CALL = re.compile(r"(?P<name>[a-z]{1,8})\s*\(\s*(?P<inside>.*?)\s*\)", re.ASCII | re.DOTALL)
_ITEM = re.compile(rf"{_NUMBER}|[A-Za-z_][\w./-]*", re.ASCII)
_LONGEST, _MOST_VALUES = 2_000, 1_000  # characters of a recipe's range, and values of one

_OPEN, _SHUT, _TAG = r"\s*\(\s*", r"\s*\)", r"(?:tag\s*\(\s*(?:log\s*,\s*)+)"
_ENDS = rf"interval{_OPEN}(?:start\s*=\s*)?{_NUMBER}\s*,\s*(?:end\s*=\s*)?{_NUMBER}{_SHUT}"
_TYPED = rf"(?:{_ENDS}|(?:int|float){_OPEN}{_ENDS}{_SHUT})"
_LISTED = rf"choice{_OPEN}(?:{_ITEM.pattern})(?:\s*,\s*(?:{_ITEM.pattern}))*{_SHUT}"
_COUNTED = rf"range{_OPEN}{_NUMBER}(?:\s*,\s*{_NUMBER}){{0,2}}{_SHUT}"
_OF_NUMBERS = rf"(?:{_TYPED}|{_COUNTED}|{_LISTED})"
NUMBERS_PATTERN = rf"^\s*(?:{_OF_NUMBERS}|{_TAG}{_OF_NUMBERS}{_SHUT})\s*$"
CHOICES_PATTERN = rf"^\s*(?:{_LISTED}|{_TAG}{_LISTED}{_SHUT})\s*$"
"""What `read_range` accepts, as regular expressions for the JSON Schema of recipes: of numbers, and of other values."""


class Domain(Protocol):
    """The values of one dimension of a search."""

    @property
    def size(self) -> int | None:
        """How many values there are; None if there is no end of them."""
        ...

    def at(self, share: float) -> Value:
        """Return the value below which this share of the domain lies, from 0 to below 1."""
        ...

    def number(self, index: int) -> Value:
        """Return one of the `size` values, by its place from 0 up."""
        ...

    def read(self, text: str) -> Value | None:
        """Return the value with this text; None if it is not of this domain."""
        ...

    def examples(self) -> tuple[Value, ...]:
        """Return the values to examine before the first point: both ends, or all."""
        ...


@dataclass(frozen=True)
class Interval:
    """All numbers between two, both included; with `log` each decade is as likely as any other.

    whole: whole numbers only. text: as the user wrote it.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False
    text: str = field(default="", compare=False)

    @property
    def size(self) -> int | None:
        """How many whole numbers there are; None for other numbers."""
        return int(self.high) - int(self.low) + 1 if self.whole else None

    def at(self, share: float) -> Value:
        """Return the number at a share of the way from low to high, rounded to six significant digits."""
        half = 0.5 if self.whole else 0.0  # a whole number stands for all that round to it
        low, high = self.low - half, self.high + half
        if self.log:
            low, high = math.log(low), math.log(high)
            return self.nearest(math.exp(low + share * (high - low)))
        return self.nearest(low + share * (high - low))

    def nearest(self, value: float) -> Value:
        """Return the value of this range nearest to a number."""
        number = min(max(value, self.low), self.high)
        if self.whole:
            found = min(math.floor(number + 0.5), int(self.high))
            return Value(str(found), found)
        width = (self.high - self.low) / max(abs(self.low), abs(self.high))
        digits = DIGITS if width > 0.01 else min(17, DIGITS - math.ceil(math.log10(width)))  # a narrow range
        rounded = min(max(float(f"{number:.{digits}g}"), float(self.low)), float(self.high))
        return Value(repr(rounded), rounded)

    def number(self, index: int) -> Value:
        """Return a whole number by its place."""
        return self.nearest(self.low + index)

    def read(self, text: str) -> Value | None:
        """Return the number with this text; None if it is none, or not in this range."""
        number = parse_scalar(text)
        kinds = int if self.whole else (int, float)
        is_number = isinstance(number, kinds) and not isinstance(number, bool)
        return Value(text, number) if is_number and self.low <= number <= self.high else None

    def examples(self) -> tuple[Value, ...]:
        """Return both ends, as they were written."""
        return value_of(self.low), value_of(self.high)


@dataclass(frozen=True)
class Choices:
    """Some values, each as likely as any other."""

    values: tuple[Value, ...]

    @property
    def size(self) -> int | None:
        """How many there are."""
        return len(self.values)

    def at(self, share: float) -> Value:
        """Return the value at a share of the way through the list."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def number(self, index: int) -> Value:
        """Return a value by its place."""
        return self.values[index]

    def read(self, text: str) -> Value | None:
        """Return the value with this text; None if it is not among them."""
        return next((each for each in self.values if each.text == text), None)

    def examples(self) -> tuple[Value, ...]:
        """Return all."""
        return self.values

    @property
    def are_ordered_numbers(self) -> bool:
        """Whether the values are numbers that grow or shrink, so that neighbours are alike."""
        numbers = [each.value for each in self.values]
        if len(numbers) < 3 or any(isinstance(each, bool) or not isinstance(each, int | float) for each in numbers):
            return False
        steps = [after - before for before, after in itertools.pairwise(numbers)]
        return all(step > 0 for step in steps) or all(step < 0 for step in steps)


class NotARangeError(ValueError):
    """A text is no range; the message says what was expected."""


def read_range(text: str) -> Interval | tuple[Value, ...]:
    """Read a range of a recipe: an interval, or the values of `range(...)` and `choice(...)`.

    Raises NotARangeError that says what is wrong.
    """
    written, tags, whole = text.strip(), [], False
    if len(written) > _LONGEST:
        raise NotARangeError(f"Expected a range, got {len(written):,} characters.")
    name, inside = _call(written)
    if name == "tag":
        *tags, written = (part.strip() for part in inside.split(",", inside.partition("(")[0].count(",")))
        name, inside = _call(written)
    if name in ("int", "float"):
        whole = name == "int"
        name, inside = _call(inside)
        if name != "interval":
            raise NotARangeError(f"Expected {GRAMMAR}.")
    check_tags(tags)
    if name == "interval":
        return _interval(inside, log="log" in tags, whole=whole, text=text.strip())
    if name in ("range", "choice"):
        values = tuple(itertools.islice(_steps(inside) if name == "range" else _items(inside), _MOST_VALUES + 1))
        if len(values) > _MOST_VALUES:
            raise NotARangeError(f"The range has more than {_MOST_VALUES:,} values.")
        if not values:
            raise NotARangeError("The range has no values.")
        return values
    raise NotARangeError(f"Expected {GRAMMAR}.")


def check_tags(tags: list[str]) -> None:
    """Raise NotARangeError if a range has another tag than `log`, which would be without effect."""
    others = [tag for tag in tags if tag != "log"]
    if others:
        what = f'There is no tag "{others[0]}". A range that is drawn by its logarithm is tag(log, interval(A, B)).'
        raise NotARangeError(what)


def _call(text: str) -> tuple[str, str]:
    """Return the name and what is inside the brackets of `name(...)`; an empty name if it is nothing of the kind."""
    found = _CALL.fullmatch(text)
    return (found["name"], found["inside"]) if found is not None else ("", "")


def _interval(inside: str, *, log: bool, whole: bool, text: str) -> Interval:
    found = _INTERVAL.fullmatch(inside)
    if found is None:
        raise NotARangeError("Expected two numbers: interval(1e-4, 1e-1).")
    low, high = float(found["low"]), float(found["high"])
    if whole and math.isfinite(low) and math.isfinite(high):
        low, high = int(low), int(high)
    return Interval(low, high, log, whole, text)


def _steps(inside: str) -> Iterator[Value]:
    """Yield the values of `range(...)`, which leaves out its end as Python's does."""
    found = _STEPS.fullmatch(inside)
    if found is None:
        raise NotARangeError("Expected numbers: range(1, 9) or range(0, 1, 0.25).")
    start, stop = ("0", found["first"]) if found["stop"] is None else (found["first"], found["stop"])
    texts = (start, stop, found["step"] or "1")
    first, last, step = (Decimal(text) for text in texts)
    if step == 0:
        raise NotARangeError("The step of a range cannot be 0.")
    whole = all(isinstance(parse_scalar(text), int) for text in texts)
    for number in itertools.count():
        value = first + number * step
        if (value >= last) if step > 0 else (value <= last):
            return
        taken = int(value) if whole else float(value)
        yield Value(repr(taken), taken)


def _items(inside: str) -> Iterator[Value]:
    """Yield the values of `choice(...)`: names and numbers."""
    for item in inside.split(","):
        text = item.strip()
        if _ITEM.fullmatch(text) is None:
            raise NotARangeError("Expected names or numbers: choice(A, B). For other values, write a list.")
        value = parse_scalar(text)
        yield Value(text, value) if isinstance(value, str) else value_of(value)


def typed(interval: Interval, kind: type[int] | type[float]) -> Interval:
    """Return an interval for a field of whole numbers or of numbers; `int(...)` makes it whole for any field."""
    if not (interval.whole or kind is int):
        return dataclasses.replace(interval, low=float(interval.low), high=float(interval.high))
    return dataclasses.replace(interval, low=int(interval.low), high=int(interval.high), whole=True)
