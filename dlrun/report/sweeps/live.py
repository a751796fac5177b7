"""The live table of a sweep on a terminal."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console

from dlrun.report.sweeps.board import Board
from dlrun.report.sweeps.live_table import table_lines
from dlrun.report.sweeps.screen import Screen
from dlrun.runs.sweeps.jobs import Event


class LiveTable:
    """Shows a sweep on standard error, which must be a terminal; use it as a context.

    plans: the overrides of every point, where they are known before they begin.
    """

    def __init__(self, board: Board, *, plans: Sequence[Sequence[str]] = ()) -> None:
        self._board, self._plans = board, plans
        self._lock = threading.Lock()
        self._console = Console(file=io.StringIO(), force_terminal=True, highlight=False)
        self._screen = Screen(self._frame)

    def __enter__(self) -> LiveTable:
        self._screen.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.__exit__(kind, error, trace)

    def __call__(self, event: Event) -> None:
        """Take an event of the sweep."""
        with self._lock:
            self._board.take(event)
        self._screen.change()

    def _frame(self, width: int, height: int) -> list[str]:
        with self._lock:
            lines = table_lines(self._board, width, height, plans=self._plans)
        with self._console.capture() as capture:
            for line in lines:
                self._console.print(line, width=width + 1, no_wrap=True, overflow="ignore", crop=False)
        return capture.get().splitlines()
