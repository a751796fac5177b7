"""The line on which a process of a run and its launcher talk: the assignment that it begins with, then messages.

The launcher writes the assignment as a pickle, which only the process that it started reads. All that comes back is
JSON.
"""

from __future__ import annotations

import json
import pickle
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.compose import Composed

_SIZE = struct.Struct(">Q")


@dataclass(frozen=True)
class Assignment:
    """A run that a process trains together with others.

    path and asked: its folder, as in `run_one`. cores: that this process may use, if a sweep divides the machine.
    point: its number in a sweep, if the run is a point whose evaluations the launcher is to hear of.
    """

    composed: Composed
    plugins: Sequence[Path]
    config_dirs: Sequence[Path]
    path: Path
    asked: bool
    quiet: bool
    profile: bool
    cores: int | None = None
    point: int | None = None


def send_assignment(line: socket.socket, assignment: Assignment) -> None:
    """Write an assignment on a line. Raises OSError if the process has ended."""
    content = pickle.dumps(assignment)
    line.sendall(_SIZE.pack(len(content)) + content)


def receive_assignment(line: socket.socket) -> Assignment:
    """Read the assignment that the launcher wrote. Raises EOFError if the launcher has ended."""
    (size,) = _SIZE.unpack(_exactly(line, _SIZE.size))
    assignment: Assignment = pickle.loads(_exactly(line, size))  # noqa: S301 - from the process that started this one
    return assignment


def _exactly(line: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        chunk = line.recv(size - len(found))
        if not chunk:
            raise EOFError
        found += chunk
    return bytes(found)


def send(line: socket.socket, message: Mapping[str, Any]) -> None:
    """Write a message on a line. Raises OSError if nobody reads it."""
    line.sendall(json.dumps(message).encode() + b"\n")


class Messages:
    """The messages in what comes over a line, piece by piece."""

    def __init__(self) -> None:
        self._left = b""

    def read(self, piece: bytes) -> list[dict[str, Any]]:
        """Return the messages that are complete with this piece."""
        *lines, self._left = (self._left + piece).split(b"\n")
        return [json.loads(line) for line in lines]
