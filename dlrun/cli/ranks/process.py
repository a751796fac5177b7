"""One process of a run, as its launcher sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from dlrun.cli.ranks.line import Assignment, Messages, send, send_assignment
from dlrun.configuration.place import LISTENING

_BEGIN = "import sys; sys.path[:] = sys.argv[2:]; from dlrun.cli.ranks.worker import main; main(int(sys.argv[1]))"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""What a launcher passes on to its processes."""
_SHOWN_BYTES = 4096


class RankProcess:
    """A process with a rank. The first one has the console; what others print goes to a file that has no name.

    It is in a session of its own: Ctrl-C reaches the launcher alone, which tells every process once.
    report: what it told of its end: {"done": ...} or {"error": ...}. status: its exit code, or minus a signal.
    """

    def __init__(self, rank: int, environment: Mapping[str, str], listening: socket.socket) -> None:
        self.rank = rank
        self.report: dict[str, Any] = {}
        self.status: int | None = None
        self.was_ended = False  # by the launcher
        self.line, theirs = socket.socketpair()
        self._messages = Messages()
        self.printed: IO[bytes] | None = None if rank == 0 else tempfile.TemporaryFile()  # noqa: SIM115
        handles = [theirs.fileno()]
        environment = dict(environment)
        if rank == 0:
            handles.append(listening.fileno())
            environment[LISTENING] = str(listening.fileno())
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, str(theirs.fileno()), *sys.path],
            pass_fds=handles,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.printed,
            stderr=self.printed,
            start_new_session=True,
        )
        theirs.close()

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self.status is not None

    @property
    def has_failed(self) -> bool:
        """Whether it ended, or is about to end, before its work was done."""
        return "error" in self.report or (self.has_ended and "done" not in self.report)

    def give(self, assignment: Assignment) -> None:
        """Give it its assignment, unless it has ended already."""
        with contextlib.suppress(OSError):
            send_assignment(self.line, assignment)

    def answer(self, message: Mapping[str, Any]) -> None:
        """Answer a question, unless it has ended already."""
        with contextlib.suppress(OSError):
            send(self.line, message)

    def receive(self) -> list[dict[str, Any]]:
        """Return what it told that is not about its end, without waiting, and notice if it has ended."""
        code = self._process.poll()  # before reading: what is read then is all that it told
        found = []
        while self.line.fileno() >= 0:
            try:
                piece = self.line.recv(65_536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                piece = b""
            if not piece:
                self.line.close()
                break
            found += self._messages.read(piece)
        for message in found:
            if "done" in message or "error" in message:
                self.report = self.report or message
        self.status = code
        return [message for message in found if "done" not in message and "error" not in message]

    def signal(self, number: int) -> None:
        """Send it a signal, unless it is gone."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        if self.status is None:
            self.was_ended = True
            self._process.kill()

    def close(self) -> None:
        """End it at once if it has not ended, and release what it took."""
        self.kill()
        self._process.wait()
        self.line.close()
        if self.printed is not None:
            self.printed.close()

    def output(self) -> str:
        """Return the end of what it printed; nothing of the first process, which prints on the console."""
        if self.printed is None:
            return ""
        size = self.printed.seek(0, os.SEEK_END)
        self.printed.seek(max(0, size - _SHOWN_BYTES))
        return self.printed.read().decode(errors="replace").strip()
