"""Files of JSON objects, one a line, that grow by a line at a time and survive a crash while one is written."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dlrun.errors import StorageError
from dlrun.storage import disk as system
from dlrun.storage.atomic import replace_file, storage_error, write_all


def append_line(path: Path, entry: Mapping[str, Any]) -> None:
    """Add a line and wait until it is on the disk; several processes may do so at once.

    Raises StorageError if the file cannot be written.
    """
    content = (json.dumps(entry) + "\n").encode()
    try:
        handle = system.disk.append(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            write_all(handle, _after_torn_line(path) + content)
            system.disk.sync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise storage_error(path, error) from error


def _after_torn_line(path: Path) -> bytes:
    """Return what must come before a new line: a line end, if a crash has left half a line."""
    with path.open("rb") as stream:
        if not stream.seek(0, os.SEEK_END):
            return b""
        stream.seek(-1, os.SEEK_END)
        return b"" if stream.read() == b"\n" else b"\n"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return every whole line; none if there is no such file. Half a line, which a crash has left, is left out.

    Raises StorageError if the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(f"{path}: could not be read ({error.strerror or error}).") from error
    return [entry for entry in map(read_line, lines) if entry is not None]


def read_line(line: bytes) -> dict[str, Any] | None:
    """Return the content of a line; None for half a line, or what is no object."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def replace_lines(path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Replace all lines at once. Raises StorageError if the file cannot be written; it is then unchanged."""
    replace_file(path, "".join(json.dumps(entry) + "\n" for entry in entries).encode())
