"""`search.budget=2h`: the time that a sweep may take, counted from when it starts or goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from dlrun.configuration.schema.fields import seconds_of
from dlrun.wording import duration, plural


class Budget:
    """The time of a sweep. text: as the user wrote it, such as 2h; None for as long as it takes."""

    def __init__(self, text: str | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._text, self._clock = text, clock
        self._seconds = None if text is None else seconds_of(text)
        self._began_at = clock()

    @property
    def reason(self) -> str:
        """Why a point was stopped when the time was over."""
        return f"search.budget={self._text} is spent"

    def left_s(self) -> float | None:
        """Return the seconds that are left, at least 0; None without a budget."""
        return None if self._seconds is None else max(0.0, self._seconds - self._used_s())

    def is_spent(self) -> bool:
        """Whether the time is over."""
        return self.left_s() == 0.0

    def summary(self, folder: Path, *, num_left: int | None) -> list[str]:
        """Return how much was used, and how to go on in the sweep's folder; nothing without a budget.

        num_left: how many points are not done; None if nobody knows how many there will be.
        """
        if self._seconds is None:
            return []
        used = f"search.budget={self._text}: {duration(self._used_s())} used"
        if num_left == 0:
            return [f"{used}."]
        left = "" if num_left is None else f"{plural(num_left, 'point')} left: "
        return [f"{used}; {left}dlrun resume {folder} goes on, with the whole time again."]

    def _used_s(self) -> float:
        return self._clock() - self._began_at
