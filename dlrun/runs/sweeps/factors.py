"""The settings of a sweep as factors: each point has one level of each, a value or a range of values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.runs.sweeps.groups import Trial

_MOST_LEVELS = 6  # of numbers; more are put into ranges
_MOST_RANGES = 4
_POINTS_IN_RANGE = 6  # at least


@dataclass(frozen=True)
class Factor:
    """A setting that varies; level: the place in `labels` of each point."""

    key: str
    labels: tuple[str, ...]
    level: tuple[int, ...]
    is_ranges: bool = False


def factors_of(trials: Sequence[Trial]) -> tuple[list[Factor], list[str]]:
    """Return the settings that vary as factors, and the keys of those with too many values to compare.

    Numbers with many values are put into up to four ranges with as many points each.
    """
    found, skipped = [], []
    for key in dict.fromkeys(key for trial in trials for key in trial.settings):
        values = [trial.settings.get(key) for trial in trials]
        texts = [_text(value) for value in values]
        distinct = list(dict.fromkeys(texts))
        if len(distinct) < 2:
            continue
        if all(_is_number(value) for value in values):
            numbers = [float(value) for value in values]  # type: ignore[arg-type]  # all are numbers
            if len(distinct) > _MOST_LEVELS:
                found.append(_ranges(key, numbers))
                continue
            distinct.sort(key=float)
        elif len(distinct) > max(2, len(values) // 2):
            skipped.append(key)
            continue
        found.append(Factor(key, tuple(distinct), tuple(distinct.index(text) for text in texts)))
    return found, skipped


def _ranges(key: str, values: Sequence[float]) -> Factor:
    """Cut the sorted values into ranges of about the same number of points; equal values stay together."""
    count = max(2, min(_MOST_RANGES, len(values) // _POINTS_IN_RANGE))
    ordered = sorted(values)
    cuts = [ordered[round(len(ordered) * place / count)] for place in range(1, count)]  # first value of each range
    cuts = [cut for place, cut in enumerate(cuts) if cut > ordered[0] and cut not in cuts[:place]]
    level = [sum(value >= cut for cut in cuts) for value in values]
    labels = []
    for number in range(len(cuts) + 1):
        inside = [value for value, own in zip(values, level, strict=True) if own == number]
        low, high = min(inside), max(inside)
        labels.append(f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}")
    return Factor(key, tuple(labels), tuple(level), is_ranges=True)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
