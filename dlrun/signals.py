"""Signals that ask a run to stop: noted at once, acted on between steps, where everything can be saved."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """A context in which SIGINT and SIGTERM ask for a stop; a second SIGINT leaves at once."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.signal is not None and number == signal.SIGINT:
            os.write(sys.stderr.fileno(), b"\ndlrun: stopped at once; the last checkpoint is whole.\n")
            os._exit(128 + number)
        self.signal = number
        if number == signal.SIGINT:
            os.write(sys.stderr.fileno(), b"\ndlrun: saving after this step; Ctrl-C again leaves at once.\n")
