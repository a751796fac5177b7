"""Processes that outlive what started them, found in /proc."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable
from pathlib import Path


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def started_with(variable: str) -> list[int]:
    """Return the other processes whose environment contains "NAME=value", as children inherit it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            environment = (process / "environ").read_bytes().split(b"\0")
            if variable.encode() in environment and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def wait_until_none(find: Callable[[], list[int]], *, patience_s: float) -> list[int]:
    """Wait until no process is found; return those that are still there after `patience_s`."""
    until = time.monotonic() + patience_s
    while True:
        found = find()
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.05)


def describe(pid: int) -> str:
    """Return a process's number and the beginning of its command line."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        words = "(ended)"
    return f"process {pid}: {words[:120]}"


def read_terminal(handle: int, *, patience_s: float) -> bytes:
    """Return what is written to a pseudo-terminal until its other side is closed, and close this one."""
    written = b""
    deadline = time.monotonic() + patience_s
    while True:
        if not select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"it did not end: {written.decode()}")
        try:
            chunk = os.read(handle, 65536)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        written += chunk
    os.close(handle)
    return written
