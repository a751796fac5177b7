"""Signals that ask a run to stop or to save: noted at once, acted on between steps, where everything can be saved."""

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

_BEFORE_TRAINING = "Stopped before training went on; nothing was changed."


class StopRequest:
    """A context in which SIGINT and SIGTERM ask for a stop and SIGUSR1 for a checkpoint.

    A second SIGINT leaves at once. It may also hold a time at which the run is to stop by itself.
    """

    def __init__(self, message: str = _BEFORE_TRAINING) -> None:
        self._message = message  # what a stop says where there is nothing to save
        self.signal: int | None = None
        self.save_asked = False
        self.deadline: float | None = None  # of time.monotonic
        self._at_once = False
        self._before: dict[int, Any] = {}
        self._began = time.monotonic()

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
            self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._note_save)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    @property
    def noted(self) -> bool:
        """Whether anything was asked for that is to be done between two steps."""
        return self.signal is not None or self.save_asked or self.is_late

    @property
    def is_late(self) -> bool:
        """Whether the time given is over."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def stop_after(self, seconds: float | None) -> None:
        """Set the time given, counted from when this object was made; None for no end."""
        self.deadline = None if seconds is None else self._began + seconds

    def leave_if_asked(self, message: str | None = None) -> None:
        """Raise Interrupted where a stop was asked for and there is nothing to save."""
        if self.signal is not None:
            raise Interrupted(self.signal, message or self._message)

    @contextmanager
    def leaving_at_once(self) -> Iterator[None]:
        """A context in which there is nothing to save: a stop is an Interrupted wherever the program stands."""
        self._at_once = True
        try:
            self.leave_if_asked()
            yield
        finally:
            self._at_once = False
        self.leave_if_asked()

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.signal is not None and number == signal.SIGINT:
            os.write(sys.stderr.fileno(), b"\ndlrun: stopped at once; the last checkpoint is whole.\n")
            os._exit(128 + number)
        self.signal = number
        if self._at_once:
            raise Interrupted(number, self._message)
        if number == signal.SIGINT:
            os.write(sys.stderr.fileno(), b"\ndlrun: saving after this step; Ctrl-C again leaves at once.\n")

    def _note_save(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.save_asked = True
