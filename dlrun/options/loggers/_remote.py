"""A tracker in a process of its own: its imports, threads, signals and random numbers are none of the run's.

The runs of this process that use the same tracker share one such process, which stays for the next run, so that a
sweep imports a tracker's library once. It is started in a session of its own, where Ctrl-C does not reach it, and ends
when this process does, in any way (`_worker`).
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.options.loggers._sink import CAPACITY
from dlrun.options.loggers._tracker import About, Tracker
from dlrun.tasks.progress import Progress, Row

START = """import json, sys
sys.path[:] = json.loads(sys.argv[1])
from dlrun.options.loggers._worker import main
main()"""
_CLOSE_S = 5.0  # for a process without a run to end
_lock = threading.Lock()
_workers: dict[tuple[Any, ...], _Worker] = {}


class RemoteTracker(Tracker):
    """Passes events to the option `name`'s sink, in another process. settings: of that sink."""

    def __init__(self, run_dir: Path, name: str, settings: Mapping[str, Any], *, wait_s: float) -> None:
        super().__init__(name, wait_s=wait_s)
        self._run, self._settings = str(run_dir.resolve()), dict(settings)
        self._worker: _Worker | None = None
        self._over = threading.Event()

    def _start(self, about: About) -> None:
        message = {
            "settings": self._settings,
            "config": about.config,
            "config_text": about.config_text,
            "resumed_from": about.resumed_from,
        }
        try:
            self._worker = _worker_of(self.name)
        except OSError as error:  # no more processes, no memory
            self.lost(f"its process cannot be started ({error.strerror})")
            return
        self._worker.runs[self._run] = self
        self._worker.put(self._message("start", message), timeout=0)

    def _put(self, event: str, progress: Progress, row: Row) -> bool:
        return self._worker is not None and self._worker.put(self._message(event, row), timeout=0)

    def _finish(self, result: Mapping[str, Any], *, deadline: float) -> bool:
        if self._worker is None:
            return True
        self._worker.put(self._message("on_end", result), timeout=deadline - time.monotonic())
        is_over = self._over.wait(max(0.0, deadline - time.monotonic()))
        worker, self._worker = self._worker, None
        worker.runs.pop(self._run, None)
        if not is_over:
            worker.kill("another run waited for it in vain, and it was stopped")
        return is_over

    def receive(self, answer: Mapping[str, Any]) -> None:
        """Take an answer of the process: how many events are done, an error, the end."""
        self._answered(answer.get("done", 0))
        if "error" in answer:
            self.tell("failed", f"failed: {answer['error']} The run goes on, and it is tried again.")
        if "over" in answer:
            if answer["over"]:
                self._failed = True
                self.tell("unfinished", f"did not take everything: {answer['over']} {self._missing()}.")
            self._over.set()

    def lost(self, why: str) -> None:
        """Take that the process is there no more."""
        self._failed = True
        self.tell("failed", f"failed, and the run goes on without it: {why}.")
        self._over.set()

    def _message(self, event: str, content: Mapping[str, Any]) -> bytes:
        return json.dumps({"run": self._run, "event": event, "content": content}).encode() + b"\n"


class _Worker:
    """The process of a tracker, a thread that writes to it and one that reads its answers."""

    def __init__(self, name: str) -> None:
        self.runs: dict[str, RemoteTracker] = {}
        self._lines: queue.Queue[bytes | None] = queue.Queue(CAPACITY)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - it is the process's as long as that lives
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, json.dumps(sys.path), name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                start_new_session=True,
            )
        except OSError:
            self._stderr.close()
            raise
        self.is_alive = True
        self._why = ""  # it was ended, if it was
        for work in (self._write, self._read):
            threading.Thread(target=work, name=f"dlrun-{name}", daemon=True).start()

    def put(self, line: bytes, *, timeout: float) -> bool:
        """Queue a line; return whether there was room within a time in seconds."""
        if not self.is_alive:
            return False
        try:
            self._lines.put(line, block=timeout > 0, timeout=max(timeout, 0.001))
        except queue.Full:
            return False
        return True

    def kill(self, why: str) -> None:
        """End the process at once. why: for the other runs that use it."""
        self.is_alive, self._why = False, why
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)

    def close(self) -> None:
        """End the process, which has no run any more; at once, if it does not end by itself."""
        self.is_alive = False
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self.kill("it did not end by itself")

    def _write(self) -> None:
        pipe = self._process.stdin
        if pipe is None:
            return
        with contextlib.suppress(BrokenPipeError, ValueError):  # the reading thread tells that it ended
            while (line := self._lines.get()) is not None:
                pipe.write(line)
                if self._lines.empty():
                    pipe.flush()
        with contextlib.suppress(BrokenPipeError):
            pipe.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            answer = json.loads(line)
            run = self.runs.get(answer["run"])
            if run is not None:
                run.receive(answer)
        self.is_alive = False
        code = self._process.wait()
        why = self._why or f"its process ended (exit code {code}){self._last_line()}"
        for run in list(self.runs.values()):
            run.lost(why)
        self._stderr.close()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _last_line(self) -> str:
        """Return the last line that the process wrote to standard error."""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - 2000))
        lines = self._stderr.read().decode(errors="replace").split("\n")
        written = [line.strip() for line in lines if line.strip()]
        return f": {written[-1]}" if written else ""


def _worker_of(name: str) -> _Worker:
    """Return the process of a tracker in the present environment, started if there is none."""
    key = (name, os.getpid(), os.getcwd(), tuple(sorted(os.environ.items())))
    with _lock:
        for other, worker in list(_workers.items()):
            if other[1] != os.getpid() or not worker.is_alive:  # of the process that this one was forked from
                del _workers[other]
            elif other[0] == name and other != key and not worker.runs:
                del _workers[other]
                worker.close()
        if key not in _workers:
            if not _workers:
                atexit.register(_close_all)
            _workers[key] = _Worker(name)
        return _workers[key]


def _close_all() -> None:
    """End the processes of all trackers."""
    while _workers:
        key, worker = _workers.popitem()
        if key[1] == os.getpid():
            worker.close()
