"""Short lines without colour, for pipes, CI and the log file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dlrun.report.lines import epoch_line, headline, summary_line, verdict_lines
from dlrun.tasks.progress import Listener, Progress, Row

if TYPE_CHECKING:
    from dlrun.runs.run import Session

_MIN_INTERVAL_S = 1.0  # between two lines of evaluations
_MOST_SILENCE_S = 10.0  # after which logged steps are told too: evaluations may be minutes apart


class PlainLines(Listener):
    """Writes what is trained, evaluations (at most one per second), steps if nothing else is to tell, and the outcome.

    every_evaluation: write each of them, and no steps.
    """

    def __init__(self, session: Session, write_line: Callable[[str], None], *, every_evaluation: bool = False) -> None:
        self._write_line = write_line
        self._metrics = session.components.task.progress_metrics
        self._epochs = session.config.trainer.epochs
        self._interval_s = 0.0 if every_evaluation else _MIN_INTERVAL_S
        self._silence_s = math.inf if every_evaluation else _MOST_SILENCE_S
        self._evaluation_at = -math.inf  # when the last one was written
        self._line_at = time.monotonic()  # when the last line of the training was
        self._pending: str | None = None
        for word, what in headline(session):
            write_line(f"{word:<8}{what}")
        for notice in session.notices:
            write_line(f"notice: {notice}")

    def notice(self, text: str) -> None:
        """Write something that is not of the training; may be called from another thread."""
        self._write_line(f"notice: {text}")

    def on_step(self, progress: Progress, row: Row) -> None:
        if time.monotonic() - self._line_at >= self._silence_s:
            self._line_at = time.monotonic()
            self._write_pending()
            self._write_line(self._line(progress.epoch + 1, progress, row))

    def on_epoch(self, progress: Progress, row: Row) -> None:
        line = self._line(int(row["epoch"]), progress, row)
        if time.monotonic() - self._evaluation_at < self._interval_s:
            self._pending = line
            return
        self._evaluation_at = self._line_at = time.monotonic()
        self._pending = None
        self._write_line(line)

    def _write_pending(self) -> None:
        if self._pending is not None:
            self._write_line(self._pending)
        self._pending = None

    def _line(self, epoch: int, progress: Progress, row: Row) -> str:
        of = f"/{self._epochs}" if self._epochs else ""
        return f"epoch {epoch}{of}  step {progress.step}  {epoch_line(row, self._metrics)}"

    def on_notice(self, text: str) -> None:
        self._write_line(f"notice: {text}")

    def on_end(self, result: Mapping[str, Any]) -> None:
        """Write the outcome; the command itself prints the error, if there is one."""
        self._write_pending()
        self._write_line(f"{result['status']}: {summary_line(result)}")
        for line in verdict_lines(result):
            self._write_line(line)
