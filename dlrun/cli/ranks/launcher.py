"""Start the processes of a run on this machine, pass signals on to them, and end them all when one fails."""

from __future__ import annotations

import dataclasses
import math
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from dlrun.cli.ranks.ends import cause
from dlrun.cli.ranks.line import Assignment
from dlrun.cli.ranks.process import SIGNALS, RankProcess
from dlrun.cli.ranks.records import record
from dlrun.configuration.place import NAMES

_HOST = "127.0.0.1"
_LOOK_S = 0.05
_PATIENCE_S = 3.0
"""How long the others may take to notice that a process failed: rank 0 then writes the result."""
_LONG_PATIENCE_S = 60.0
"""The same of what all processes find together, such as that the training diverged."""
_FOUND_TOGETHER = frozenset(("DivergedError", "Interrupted"))

Hear = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""Receives what the first process tells of its training; returns the answer, if it asks."""


def train_in_processes(assignment: Assignment, number: int, *, hear: Hear | None = None) -> tuple[dict[str, Any], Path]:
    """Train a run in so many processes; return its result and its folder.

    hear: receives what the first process tells of a point of a sweep.
    Raises the error that ended the run; PeerLostError if a process ended without one.
    """
    launcher = _Launcher(number, hear or _ignore)
    try:
        with launcher.passing_signals_on():
            launcher.start(assignment)
            launcher.watch()
        return launcher.outcome()
    finally:
        launcher.close()


def _ignore(message: Mapping[str, Any]) -> None:
    del message


def environment_of(rank: int, number: int, port: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process of a run: what torchrun would set, and where gloo finds the others."""
    place = (rank, number, rank, number, _HOST, port)
    found = {**environment, **{name: str(value) for name, value in zip(NAMES, place, strict=True)}}
    loopback = next((name for _, name in socket.if_nameindex() if name in ("lo", "lo0")), None)
    if loopback is not None:  # no other machine takes part, and the host's name may lead nowhere
        found.setdefault("GLOO_SOCKET_IFNAME", loopback)
    return found


class _Launcher:
    def __init__(self, number: int, hear: Hear) -> None:
        self._number, self._hear = number, hear
        self._processes: list[RankProcess] = []
        self._folder: Path | None = None
        self._signal: int | None = None  # that was passed on
        self._has_begun = False  # training, so that there may be something to save

    @contextmanager
    def passing_signals_on(self) -> Iterator[None]:
        """A block in which signals to this process reach the processes of the run; a second Ctrl-C ends all at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._pass_on) for number in SIGNALS}
        before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._pause)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def start(self, assignment: Assignment) -> None:
        """Start every process and give it its assignment; only the first one shows anything."""
        with socket.socket() as listening:
            listening.bind((_HOST, 0))
            listening.listen(2 * self._number)  # each process looks whether it listens, and then comes
            port = listening.getsockname()[1]
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # a new process has no handlers yet, so they wait there
            try:
                for rank in range(self._number):
                    own = environment_of(rank, self._number, port, os.environ)
                    self._processes.append(RankProcess(rank, own, listening))
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        for each in self._processes:
            is_first = each.rank == 0
            quiet, profile = assignment.quiet or not is_first, assignment.profile and is_first
            each.give(dataclasses.replace(assignment, quiet=quiet, profile=profile))

    def watch(self) -> None:
        """Wait until all processes have ended; once one has failed, the others end soon, if need be by force."""
        failed_at = None
        while not all(each.has_ended for each in self._processes):
            self._receive()
            failed = [each for each in self._processes if each.has_failed]
            if not failed:
                continue
            if failed_at is None:
                failed_at = time.monotonic()
                self._stop_others(failed[0])
            if time.monotonic() > failed_at + self._patience_s(failed):
                for each in self._processes:
                    each.kill()

    def outcome(self) -> tuple[dict[str, Any], Path]:
        """Return the result of the first process, and the folder. Raises the error that ended the run."""
        if any(each.has_failed for each in self._processes):
            error = cause(self._processes, self._folder)
            if self._folder is not None:
                record(error, self._processes, self._folder)
            raise error
        done = self._processes[0].report["done"]
        return done["result"], Path(done["folder"])

    def close(self) -> None:
        """End what has not ended, and release everything."""
        for each in self._processes:
            each.close()

    def _receive(self) -> None:
        select.select([each.line for each in self._processes if each.line.fileno() >= 0], [], [], _LOOK_S)
        for process in self._processes:
            for message in process.receive():
                if "folder" in message:
                    self._folder = Path(message["folder"])
                elif "trains" in message:
                    self._has_begun = True
                elif (answer := self._hear(message)) is not None:
                    process.answer(answer)

    def _patience_s(self, failed: Sequence[RankProcess]) -> float:
        """How long the others have to end by themselves."""
        kinds = {each.report["error"]["kind"] if each.report else "" for each in failed}
        if not self._has_begun or not kinds <= _FOUND_TOGETHER:
            return _PATIENCE_S
        return math.inf if kinds == {"Interrupted"} else _LONG_PATIENCE_S  # saving takes as long as it takes

    def _stop_others(self, failed: RankProcess) -> None:
        """After a signal to one process alone, which had nothing to save, stop the others too."""
        if failed.report and failed.report["error"]["kind"] == "Interrupted" and self._signal is None:
            for each in self._processes:
                if not each.report:
                    each.signal(signal.SIGTERM)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGINT and self._signal is not None:
            for each in self._processes:
                each.kill()
            os.write(sys.stderr.fileno(), b"\ndlrun: stopped at once; the last checkpoint is intact.\n")
            os._exit(128 + number)
        if number == signal.SIGUSR1:  # of which one process tells the others; two would save twice
            self._processes[0].signal(number)
            return
        self._signal = number
        for each in self._processes:
            each.signal(number)

    def _pause(self, number: int, frame: FrameType | None) -> None:
        """Pause with all processes (Ctrl-Z), until the shell lets this one go on."""
        del number, frame
        for each in self._processes:
            each.signal(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        for each in self._processes:
            each.signal(signal.SIGCONT)


def share_of_cores(cores: int | None, number: int) -> int | None:
    """Return how many cores each of so many processes may use, of those of their run; at least one."""
    return None if cores is None else max(1, cores // number)
