"""Signals that stop a run or save a checkpoint: recorded at once, handled between steps, when the state is complete."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from dlrun.errors import Interrupted

_BEFORE_TRAINING = "Stopped before training began; nothing was changed."


class StopRequest:
    """A context in which SIGINT and SIGTERM request a stop, and SIGUSR1 a checkpoint.

    A second SIGINT exits at once. Within another context, a stop that was requested there holds. `stop_after` sets a
    time limit. message: the error if there is nothing to save.
    """

    def __init__(self, message: str = _BEFORE_TRAINING) -> None:
        self._message = message
        self.signal: int | None = None
        self.save_requested = False
        self.deadline: float | None = None  # on the clock of time.monotonic
        self._at_once = False
        self._handlers: dict[int, Any] = {}  # to be restored
        self._created = time.monotonic()

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._request_stop)
                enclosing = getattr(self._handlers[number], "__self__", None)
                if isinstance(enclosing, StopRequest):  # whose signal may have come before the handler was replaced
                    self.signal = self.signal or enclosing.signal
            self._handlers[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._request_save)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    @property
    def pending(self) -> bool:
        """Whether there is a stop or a checkpoint to handle between two steps."""
        return self.signal is not None or self.save_requested or self.is_time_up

    @property
    def is_time_up(self) -> bool:
        """Whether the time limit has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def stop_after(self, seconds: float | None) -> None:
        """Set the time limit, counted from when this object was created; None for no limit."""
        self.deadline = None if seconds is None else self._created + seconds

    def request(self) -> None:
        """Request a stop, as SIGTERM does."""
        self.signal = self.signal or signal.SIGTERM

    def raise_if_requested(self, message: str | None = None) -> None:
        """Raise Interrupted if a stop was requested; for places where there is nothing to save."""
        if self.signal is not None:
            raise Interrupted(self.signal, message or self._message)

    def raise_if_agreed(self, message: str | None = None) -> None:
        """The same, in a place that all processes of a run come to together."""
        self.raise_if_requested(message)

    def after_step(self) -> None:
        """Exchange requests with other processes, if there are any."""

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A context in which a stop raises Interrupted at once, because there is nothing to save."""
        self._at_once = True
        try:
            self.raise_if_requested()
            yield
        finally:
            self._at_once = False
        self.raise_if_requested()

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.signal is not None and number == signal.SIGINT:
            os.write(sys.stderr.fileno(), b"\ndlrun: stopped at once; the last checkpoint is intact.\n")
            os._exit(128 + number)
        self.signal = number
        if self._at_once:
            raise Interrupted(number, self._message)
        if number == signal.SIGINT:
            os.write(sys.stderr.fileno(), b"\ndlrun: saving after this step; press Ctrl-C again to exit at once.\n")

    def _request_save(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.save_requested = True
