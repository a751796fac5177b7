"""A process of a run ends when what started it ends, in any way."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from dlrun.cli.ranks.line import Messages, send

_LOOK_S = 0.5


def _die() -> None:
    os._exit(1)


class Lifeline:
    """The line to the launcher: messages go out, answers come back, and its end ends this process."""

    def __init__(self, line: socket.socket, *, die: Callable[[], None] = _die) -> None:
        self._line, self._die = line, die
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._follow, name="dlrun-launcher", daemon=True).start()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message; without a launcher that reads it, this process ends."""
        try:
            send(self._line, message)
        except OSError:
            self._die()

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send a message and return the launcher's answer."""
        self.tell(message)
        return self._answers.get()

    def _follow(self) -> None:
        messages = Messages()
        while True:
            try:
                piece = self._line.recv(65_536)
            except OSError:
                piece = b""
            if not piece:
                self._die()
                return
            for answer in messages.read(piece):
                self._answers.put(answer)


def die_with_parent(*, look_s: float = _LOOK_S, die: Callable[[], None] = _die) -> None:
    """End this process soon after the process that started it has ended, such as an agent of torchrun.

    look_s: seconds between two looks.
    """
    parent = os.getppid()

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(look_s)
        die()

    threading.Thread(target=follow, name="dlrun-agent", daemon=True).start()
