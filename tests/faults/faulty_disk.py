"""Disks whose k-th call fails, or kills the process."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from dlrun.storage.disk import Disk

Before = Callable[[str, int], None]
"""Called with the name and number of a call; may raise OSError or end the process."""


class CountingDisk(Disk):
    """Counts calls, and calls `before` and `after` around each."""

    def __init__(self, before: Before | None = None, after: Before | None = None) -> None:
        self.calls: list[str] = []
        self._before, self._after = before, after
        self._lock = threading.Lock()

    def _around(self, name: str, call: Callable[[], int | None]) -> int | None:
        with self._lock:
            number = len(self.calls)
            self.calls.append(name)
        if self._before is not None:
            self._before(name, number)
        found = call()
        if self._after is not None:
            self._after(name, number)
        return found

    def create(self, path: Path) -> int:
        return self._around("create", lambda: super(CountingDisk, self).create(path)) or 0

    def append(self, path: Path) -> int:
        return self._around("append", lambda: super(CountingDisk, self).append(path)) or 0

    def write(self, handle: int, content: memoryview) -> int:
        return self._around("write", lambda: super(CountingDisk, self).write(handle, content)) or 0

    def sync(self, handle: int) -> None:
        self._around("sync", lambda: super(CountingDisk, self).sync(handle))

    def rename(self, before: Path, after: Path) -> None:
        self._around("rename", lambda: super(CountingDisk, self).rename(before, after))

    def remove(self, path: Path) -> None:
        self._around("remove", lambda: super(CountingDisk, self).remove(path))

    def make_folder(self, path: Path) -> None:
        self._around("make_folder", lambda: super(CountingDisk, self).make_folder(path))

    def remove_folder(self, path: Path) -> None:
        self._around("remove_folder", lambda: super(CountingDisk, self).remove_folder(path))


def killing(at: int, *, after: bool) -> CountingDisk:
    """Return a disk that kills its process right before, or right after, call number `at`."""

    def kill(name: str, number: int) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return CountingDisk(after=kill) if after else CountingDisk(before=kill)


def failing(at: int, code: int, *, permanent: bool) -> CountingDisk:
    """Return a disk whose call number `at`, or every call from there on, fails with a system error."""

    def fail(name: str, number: int) -> None:
        if number == at or (permanent and number > at):
            raise OSError(code, os.strerror(code))

    return CountingDisk(before=fail)


class ShortDisk(CountingDisk):
    """Writes half of the bytes at call number `at`, and nothing from then on: the disk is full."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._at = at

    def write(self, handle: int, content: memoryview) -> int:
        number = len(self.calls)
        self.calls.append("write")
        if number < self._at:
            return os.write(handle, content)
        if number == self._at and len(content) > 1:
            return os.write(handle, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
