"""Times of a series: read as numbers that increase with them, and continued where they are regular."""

from __future__ import annotations

import calendar
import itertools
import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime

_SLASHES = re.compile(r"^(\d{4})/(\d\d)/(\d\d)")  # 2026/01/31
_DAY_FIRST = re.compile(r"^(\d\d)\.(\d\d)\.(\d{4})")  # 31.01.2026; with slashes it may be the month that is first
_TOLERANCE = 0.01  # of a step: times that were rounded, such as 1949.083 for a month, are regular


def as_number(text: str) -> float | None:
    """Return the number that a text states, also nan and inf; None if it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def parse_time(text: str) -> float | None:
    """Return a time as a number that increases with it; None if it is none.

    A time is a finite number or a date: as ISO has it, 2026/01/31 or 31.01.2026, with or without hours.
    """
    value = as_number(text)
    if value is not None and math.isfinite(value):
        return value
    when = _parse_date(text)
    return None if when is None else (when - datetime(1970, 1, 1, tzinfo=when.tzinfo)).total_seconds()


def continue_times(times: Sequence[str], count: int) -> list[str] | None:
    """Return the `count` times that follow, written like the last one; None if they are not regular, or under three.

    Regular are numbers a constant step apart, dates and times a constant duration apart, or a constant number of months
    apart, on the same day of the month or all on its last day.
    """
    texts = [text.strip() for text in times]
    if len(texts) < 3:
        return None
    numbers = [as_number(text) for text in texts]
    if all(number is not None and math.isfinite(number) for number in numbers):
        return _numbers_after([number for number in numbers if number is not None], texts, count)
    dates = [date for text in texts if (date := _parse_date(text)) is not None]
    if len(dates) < len(texts) or len({date.tzinfo is None for date in dates}) > 1:
        return None
    following = _months_after(dates, count) or _durations_after(dates, count)
    return None if following is None else [_written_like(texts[-1])(date) for date in following]


def _numbers_after(numbers: Sequence[float], texts: Sequence[str], count: int) -> list[str] | None:
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    step = (numbers[-1] - numbers[0]) / len(steps)
    if step <= 0 or any(abs(each - step) > _TOLERANCE * step for each in steps):
        return None
    following = [numbers[-1] + step * ahead for ahead in range(1, count + 1)]
    if any("e" in text.lower() for text in texts):
        return [repr(number) for number in following]
    decimals = max(len(text.partition(".")[2]) for text in texts)
    return [f"{number:.{decimals}f}" for number in following]


def _parse_date(text: str) -> datetime | None:
    text = _SLASHES.sub(r"\1-\2-\3", _DAY_FIRST.sub(r"\3-\2-\1", text.strip()))
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def _durations_after(dates: Sequence[datetime], count: int) -> list[datetime] | None:
    steps = {after - before for before, after in itertools.pairwise(dates)}
    if len(steps) != 1:
        return None
    (step,) = steps
    return [dates[-1] + step * ahead for ahead in range(1, count + 1)]


def _months_after(dates: Sequence[datetime], count: int) -> list[datetime] | None:
    months = [date.year * 12 + date.month - 1 for date in dates]
    steps = {after - before for before, after in itertools.pairwise(months)}
    on_last_day = all(date.day == calendar.monthrange(date.year, date.month)[1] for date in dates)
    if len(steps) != 1 or 0 in steps or len({date.timetz() for date in dates}) > 1:
        return None
    day = max(date.day for date in dates)
    if not on_last_day and any(date.day != min(day, _days(month)) for date, month in zip(dates, months, strict=True)):
        return None
    (step,) = steps
    following = [months[-1] + step * ahead for ahead in range(1, count + 1)]
    return [
        dates[-1].replace(
            year=month // 12, month=month % 12 + 1, day=_days(month) if on_last_day else min(day, _days(month))
        )
        for month in following
    ]


def _days(month: int) -> int:
    """Days of a month, which is counted from year 0."""
    return calendar.monthrange(month // 12, month % 12 + 1)[1]


def _written_like(text: str) -> Callable[[datetime], str]:
    if len(text) <= 10:
        return lambda date: date.date().isoformat()
    separator = text[10]
    if text.endswith("Z"):
        return lambda date: date.isoformat(sep=separator).replace("+00:00", "Z")
    if text.count(":") == 1 and "+" not in text:  # hours and minutes
        return lambda date: date.isoformat(sep=separator, timespec="minutes")
    return lambda date: date.isoformat(sep=separator)
