"""Axes: where a value lies between 0 and 1, and which ticks are written."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_SPREAD = 10  # positive numbers with at least this ratio, most of them near the low end, get a logarithmic axis
_NEAR_LOW = 0.25  # share of the linear axis below which their median lies
_EXTREME, _KEPT = 1_000, 10  # times the median distance
_FEW_VALUES, _APART = 7, 0.075  # so many values, so far apart, are themselves the ticks
_SLOT = 0.12  # of the axis, for what has no place among the numbers: 0 on a logarithmic axis, "not set"
NOT_SET = "not set"


@dataclass(frozen=True)
class Scale:
    """An axis.

    slots: labels at its low end, before the numbers. categories: instead of numbers. marked: the numbers at the ticks,
    if they are not round ones.
    """

    low: float = 0.0
    high: float = 1.0
    is_log: bool = False
    is_whole: bool = False
    slots: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    marked: tuple[float, ...] = ()
    _places: dict[str, float] = field(default_factory=dict)

    def at(self, value: float | str | None) -> float:
        """Return where a value lies: 0 at the low end, 1 at the high end; a value beyond an end lies there."""
        if value is None:
            return self._places[NOT_SET]
        if isinstance(value, str):
            return self._places[value]
        if value == 0 and self.is_log:
            return self._places["0"]
        start = _SLOT * len(self.slots)
        return start + (1 - start) * min(max(self._share(value), 0.0), 1.0)

    def _share(self, value: float) -> float:
        if self.is_log and value <= 0:
            return 0.0
        if self.is_log:
            return (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return (value - self.low) / (self.high - self.low)

    def _numbers(self, most: int) -> list[tuple[float, str]]:
        if self.is_log:
            return log_ticks(self.low, self.high, most)
        return linear_ticks(self.low, self.high, most, least_step=1.0 if self.is_whole else 0.0)

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """Return places with their labels, in order: every category, or at most about `most` round numbers."""
        places = [(place, name) for name, place in self._places.items()]
        if self.marked:
            return places + [(self.at(value), short(value)) for value in self.marked]
        if not self.categories:
            numbers = self._numbers(most)
            places += [(self.at(value), label) for value, label in numbers]
        return places


def numeric_scale(values: Iterable[float | None], *, padding: float = 0.04, marks_values: bool = False) -> Scale:
    """Return an axis for numbers: logarithmic if they are spread over decades. 0 then gets a place before the others.

    padding: share of the axis left free at both ends. marks_values: a few values far apart are the ticks.
    """
    found = list(values)
    numbers = [value for value in found if value is not None]
    positive = [value for value in numbers if value > 0]
    is_log = bool(positive) and min(numbers) >= 0 and _is_spread(positive)
    slots = ([NOT_SET] if None in found else []) + (["0"] if is_log and 0 in numbers else [])
    low, high = _bounds(positive if is_log else numbers, is_log=is_log, padding=padding)
    places = {name: (number + 0.5) * _SLOT for number, name in enumerate(slots)}
    scale = Scale(low, high, is_log, slots=tuple(slots), _places=places)
    distinct = sorted(set(positive if is_log else numbers))
    if not marks_values or not 0 < len(distinct) <= _FEW_VALUES:
        return scale
    is_apart = all(scale.at(after) - scale.at(before) >= _APART for before, after in itertools.pairwise(distinct))
    return dataclasses.replace(scale, marked=tuple(distinct)) if is_apart else scale


def tame(values: Sequence[float], *, around: float) -> list[float]:
    """Return the values that the axis should be made for: without extreme ones, if there are any.

    around: the value of interest. Extreme is more than 1,000 times the median distance from it. Then all beyond 10
    times are left out: those of a far too large learning rate would press the others together.
    """
    distances = sorted(abs(value - around) for value in values)
    usual = distances[(len(distances) - 1) // 2] if distances else 0.0
    if not usual or distances[-1] <= _EXTREME * usual:
        return list(values)
    return [value for value in values if abs(value - around) <= _KEPT * usual]


def time_scale(times: Sequence[float]) -> Scale:
    """Return an axis for epochs or steps: linear, with whole numbers at its ticks."""
    low, high = _bounds(times, is_log=False, padding=0.02)
    return Scale(low, high, is_whole=True)


def category_scale(names: Sequence[str], *, has_missing: bool = False) -> Scale:
    """Return an axis with a place for each category, "not set" first."""
    every = ([NOT_SET] if has_missing and NOT_SET not in names else []) + list(names)
    places = {name: (number + 0.5) / len(every) for number, name in enumerate(every)}
    return Scale(categories=tuple(every), _places=places)


def _is_spread(positive: Sequence[float]) -> bool:
    """Whether numbers are spread over decades, as 1e-4, 1e-3, 1e-2 are and a uniform sample of 0.001 to 1 is not."""
    low, high = min(positive), max(positive)
    median = sorted(positive)[(len(positive) - 1) // 2]
    return high / low >= _SPREAD and (median - low) / (high - low) < _NEAR_LOW


def _bounds(numbers: Sequence[float], *, is_log: bool, padding: float) -> tuple[float, float]:
    if not numbers:
        return 0.0, 1.0
    low, high = min(numbers), max(numbers)
    if is_log:
        pad = (high / low) ** padding
        return max(low / pad, 1e-307), min(high * pad, 1e307)
    room = (high - low) * padding or abs(high) * 0.1 or 1.0
    return low - room, high + room


def linear_ticks(low: float, high: float, most: int, *, least_step: float = 0.0) -> list[tuple[float, str]]:
    """Return multiples of 1, 2 or 5 times a power of ten within the bounds."""
    raw = max((high - low) / max(most, 1), least_step)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    numbers = [each * step for each in range(first, math.floor(high / step + 1e-9) + 1)]
    largest = max((abs(number) for number in numbers), default=0.0)
    if largest and (largest >= 1e5 or largest < 1e-3):
        return [(number, short(number)) for number in numbers]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(number, f"{number:.{decimals}f}".replace("-0", "0") if number == 0 else f"{number:.{decimals}f}")
            for number in numbers]  # fmt: skip


def log_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Return powers of ten within the bounds, with 2 and 5 times them where those are few; every n-th if many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = [exponent for exponent in range(first, last + 1) if low <= 10.0**exponent <= high]
    if len(powers) >= 3:
        stride = math.ceil(len(powers) / most)
        return [(10.0**each, short(10.0**each)) for each in powers if (each - powers[0]) % stride == 0]
    numbers = [factor * 10.0**exponent for exponent in range(first, last + 1) for factor in (1, 2, 5)]
    inside = [number for number in numbers if low <= number <= high]
    return [(number, short(number)) for number in inside]


def short(value: float) -> str:
    """Format a number for an axis: 0.01, 1e-5, 250, 1e6."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
