"""The process of a tracker: reads events as lines of JSON, gives them to a sink for each run, and answers.

It never outlives the process that started it by more than a moment. Imports no torch.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from dlrun.options.loggers._sink import CAPACITY, Run, Sink

_NICENESS = 5  # training comes first
_LONGEST_DELAY_S = 60.0  # between two tries
_WATCH_S = 0.5  # how often it looks whether the process that started it lives
_GRACE_S = 3.0  # to leave, once that is gone
_LONGEST_ERROR = 300  # characters


def main() -> None:
    """Serve the tracker that the command line names, until standard input ends."""
    parent = os.getppid()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no answer
    os.nice(_NICENESS)
    lines: queue.Queue[bytes | None] = queue.Queue(CAPACITY)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    threading.Thread(target=_read, args=(sys.stdin.buffer, lines), daemon=True).start()
    Server(sys.argv[2], lines, answers).serve()


def _read(stream: BinaryIO, lines: queue.Queue[bytes | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _leave_with(parent: int) -> None:
    """End this process, whatever it is doing, soon after the one that started it has ended."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    time.sleep(_GRACE_S)
    os._exit(1)


@dataclass
class _Tracked:
    """One run and what waits to be given to its sink."""

    sink: Sink
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    result: Mapping[str, Any] | None = None
    is_started: bool = False
    has_failed: bool = False
    delay_s: float = 0.0
    try_at: float = 0.0


class Server:
    """Gives what comes in to the sinks, many rows in one call where they have piled up; tries again what fails."""

    def __init__(self, name: str, lines: queue.Queue[bytes | None], answers: BinaryIO) -> None:
        self._name, self._lines, self._answers = name, lines, answers
        self._runs: dict[str, _Tracked] = {}

    def serve(self) -> None:
        """Go on until the lines end; a run that has not ended then was killed."""
        more = True
        while more:
            more = self._take()
            for run, tracked in list(self._runs.items()):
                if tracked.result is not None or time.monotonic() >= tracked.try_at:
                    self._give(run, tracked)
        for tracked in self._runs.values():
            if tracked.is_started:
                tracked.sink.finish({"status": "killed"})

    def _take(self) -> bool:
        """Take all lines that are there, after waiting for one; return whether there may be more."""
        waits = [tracked.try_at for tracked in self._runs.values() if tracked.delay_s]
        try:
            line = self._lines.get(timeout=max(0.01, min(waits) - time.monotonic()) if waits else None)
            while line is not None:
                self._sort(json.loads(line))
                line = self._lines.get_nowait()
        except queue.Empty:
            return True
        return False

    def _sort(self, message: Mapping[str, Any]) -> None:
        run, event, content = message["run"], message["event"], message["content"]
        if event == "start":
            settings = content.pop("settings")
            module = importlib.import_module(f"dlrun.options.loggers.{self._name}")
            self._runs[run] = _Tracked(module.Sink(Run(Path(run), **content), settings))
        elif run not in self._runs:
            if event == "on_end":
                self._answer(run, over="It was too busy for the run's beginning.")
        else:
            tracked = self._runs[run]
            if event == "on_end":
                tracked.result = content
            else:
                tracked.rows.append({**content, "event": event})
                if len(tracked.rows) > CAPACITY:
                    del tracked.rows[0]

    def _give(self, run: str, tracked: _Tracked) -> None:
        try:
            if not tracked.is_started:
                tracked.sink.start()
                tracked.is_started = True
            if tracked.rows:
                tracked.sink.log(tracked.rows)
                self._answer(run, done=len(tracked.rows))
                tracked.rows.clear()
            if tracked.result is not None:
                tracked.sink.finish(tracked.result)
                self._answer(run, over="")
                del self._runs[run]
            tracked.delay_s = 0.0
        except Exception as error:  # noqa: BLE001 - a library may raise anything
            self._note(run, tracked, error)

    def _note(self, run: str, tracked: _Tracked, error: Exception) -> None:
        """Tell an error the first time, and try again later; no more once the run has ended."""
        text = " ".join(f"{type(error).__name__}: {error}".split())
        text = text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}..."
        text = text if text.endswith((".", "!", "?")) else f"{text}."
        if tracked.result is not None:
            self._answer(run, over=text)
            del self._runs[run]
            return
        if not tracked.has_failed:
            tracked.has_failed = True
            self._answer(run, error=text)
        tracked.delay_s = min(_LONGEST_DELAY_S, max(1.0, 2 * tracked.delay_s))
        tracked.try_at = time.monotonic() + tracked.delay_s

    def _answer(self, run: str, **content: Any) -> None:
        self._answers.write(json.dumps({"run": run, **content}).encode() + b"\n")
