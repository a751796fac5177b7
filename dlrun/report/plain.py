"""Short lines without colour: for pipes, CI and the log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dlrun.report import lines as words
from dlrun.tasks.progress import Listener, Progress, Row

if TYPE_CHECKING:
    from dlrun.runs.run import Session

_MIN_SECONDS = 1.0  # between lines of evaluations


class PlainLines(Listener):
    """Says what runs, each evaluation (at most one a second) and how it ended."""

    def __init__(self, session: Session, say: Callable[[str], None], *, every_evaluation: bool = False) -> None:
        self._say = say
        self._metrics = session.components.task.progress_metrics
        self._epochs = session.config.trainer.epochs
        self._pause = 0.0 if every_evaluation else _MIN_SECONDS
        self._said = 0.0
        self._unsaid: str | None = None
        for word, what in words.headline(session):
            say(f"{word:<8}{what}")
        for notice in session.notices:
            say(f"notice: {notice}")

    def on_epoch(self, progress: Progress, row: Row) -> None:
        of = f"/{self._epochs}" if self._epochs else ""
        line = f"epoch {int(row['epoch'])}{of}  step {progress.step}  {words.epoch_line(row, self._metrics)}"
        if time.monotonic() - self._said < self._pause:
            self._unsaid = line
            return
        self._said, self._unsaid = time.monotonic(), None
        self._say(line)

    def on_end(self, result: Mapping[str, Any]) -> None:
        if self._unsaid is not None:
            self._say(self._unsaid)
        self._say(f"{result['status']}: {words.summary_line(result)}")
        if result["error"]:
            self._say(f"error: {result['error']}")
