"""A plugin's logger behind a thread: its listener is called there, in order, and what it raises is said once."""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from dlrun.errors import DlrunError
from dlrun.options.loggers._sink import CAPACITY
from dlrun.options.loggers._tracker import About, Tracker
from dlrun.tasks.progress import Listener, Progress, Row

WAIT_S = 30.0  # at the end of a run
_MADE_WITHIN_S = 5.0  # what is wrong with making it is told before the run begins, if it is known by then

_Call = tuple[str, tuple[Any, ...]]


class ThreadedTracker(Tracker):
    """Calls the listener that `make` returns, if any, in a thread of its own.

    tell_error: returns an error of the user's code in words.
    """

    def __init__(self, name: str, make: Callable[[], Listener | None], tell_error: Callable[[Exception], str]) -> None:
        super().__init__(name, wait_s=WAIT_S)
        self._make, self._tell_error = make, tell_error
        self._calls: queue.Queue[_Call] = queue.Queue(CAPACITY)
        self._made, self._ended = threading.Event(), threading.Event()
        self._refused: DlrunError | None = None
        self._error: Exception | None = None
        threading.Thread(target=self._work, name=f"dlrun-{name}", daemon=True).start()
        self._made.wait(_MADE_WITHIN_S)
        if self._refused is not None:  # a wrong configuration or a missing package
            raise self._refused

    def _start(self, about: About) -> None:
        if self._error is not None:
            self._say_failed("")

    def _put(self, event: str, progress: Progress, row: Row) -> bool:
        best = progress.best
        copied = dataclasses.replace(
            progress,
            best=None if best is None else dataclasses.replace(best),
            loss_totals=dict(progress.loss_totals),
        )
        try:
            self._calls.put_nowait((event, (copied, row)))
        except queue.Full:
            return False
        return True

    def _finish(self, result: Mapping[str, Any], *, deadline: float) -> bool:
        try:
            self._calls.put(("on_end", (result,)), timeout=max(0.0, deadline - time.monotonic()))
        except queue.Full:
            return False
        return self._ended.wait(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        listener, event = None, ""
        try:
            listener = self._make()
        except DlrunError as error:
            self._refused = error
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            self._error = error
        self._made.set()
        while self._refused is None and event != "on_end":
            event, arguments = self._calls.get()
            if listener is not None:
                try:
                    getattr(listener, event)(*arguments)
                except Exception as error:  # noqa: BLE001 - the same
                    listener, self._error = None, error
                    self._say_failed(f" in {event}")
            self._answered(0 if event == "on_end" else 1)
        self._ended.set()

    def _say_failed(self, where: str) -> None:
        if self._error is not None:
            self._failed = True
            told = self._tell_error(self._error).rstrip(".")
            self.tell("failed", f"failed{where}, and the run goes on without it: {told}.")
