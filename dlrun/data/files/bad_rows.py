"""What is done about rows that cannot be used: stop at the first, or leave them out and say so."""

from __future__ import annotations

from typing import Literal

from dlrun.errors import DataError

OnBadRow = Literal["stop", "skip"]
_MOST_SHOWN = 20


class BadRows:
    """Called with each bad row in words. With "stop" it raises DataError; with "skip" it keeps them."""

    def __init__(self, on_bad_row: OnBadRow) -> None:
        self._stops = on_bad_row == "stop"
        self.skipped: list[str] = []

    def __call__(self, text: str) -> None:
        if self._stops:
            raise DataError(f"{text} dataset.on_bad_row=skip leaves such rows out.")
        self.skipped.append(text)

    def notices(self) -> list[str]:
        """How many were left out and why each was."""
        if not self.skipped:
            return []
        count = len(self.skipped)
        more = [f"and {count - _MOST_SHOWN} more; result.json lists all."] if count > _MOST_SHOWN else []
        rows = "1 row was" if count == 1 else f"{count} rows were"
        return ["\n  ".join([f"{rows} left out (dataset.on_bad_row=skip):", *self.skipped[:_MOST_SHOWN], *more])]
