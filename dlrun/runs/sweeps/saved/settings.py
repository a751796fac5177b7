"""The swept settings as columns of values: numbers, or categories."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlrun.runs.sweeps.saved.points import SavedPoint

Place = float | str | None
"""The value of a setting: a number, a category, or None where a point does not have it."""


@dataclass(frozen=True)
class Setting:
    """A setting that differs between points.

    values: by the point's number; all numbers, or all categories.
    """

    key: str
    values: Mapping[int, Place]
    is_numeric: bool

    @property
    def categories(self) -> list[str]:
        """The categories, numbers among them in order."""
        return sorted({str(value) for value in self.values.values() if value is not None}, key=_in_order)


def settings_of(points: Sequence[SavedPoint]) -> list[Setting]:
    """Return the settings that have at least two values, in the order of the overrides; `seed` last."""
    keys = dict.fromkeys(key for point in points for key in point.settings)
    found = []
    for key in sorted(keys, key=lambda key: key == "seed"):
        texts = {point.number: point.settings.get(key) for point in points}
        if len(set(texts.values())) < 2:
            continue
        numbers = {number: None if text is None else as_number(text) for number, text in texts.items()}
        is_numeric = all((numbers[number] is None) == (text is None) for number, text in texts.items())
        values: Mapping[int, Place] = numbers if is_numeric else texts
        found.append(Setting(key, values, is_numeric))
    return found


def as_number(text: str) -> float | None:
    """Return a finite number; None for any other text."""
    try:
        value = float(text) if len(text) < 40 and "_" not in text else math.nan
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None


def _in_order(text: str) -> tuple[bool, float, list[str | float], str]:
    """Numbers first; other texts by the numbers in them too: [8] before [16]."""
    value = as_number(text)
    parts = re.split(r"(\d{1,15}(?:\.\d{1,15})?)", text.strip("[]"))  # every second one is a number
    return (value is None, value or 0.0, [float(part) if at % 2 else part for at, part in enumerate(parts)], text)
