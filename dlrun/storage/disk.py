"""The system calls that change what is on the disk, in one place, so that tests can make each one fail or the last."""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """Calls of the operating system by their own names; each raises OSError."""

    def create(self, path: Path) -> int:
        """Open a new or emptied file for writing; returns its handle."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)

    def append(self, path: Path) -> int:
        """Open a file to add to its end; returns its handle."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)

    def write(self, handle: int, content: memoryview) -> int:
        """Write some of the bytes, maybe not all; returns how many."""
        return os.write(handle, content)

    def sync(self, handle: int) -> None:
        """Wait until a file's or folder's content is on the disk."""
        os.fsync(handle)

    def rename(self, before: Path, after: Path) -> None:
        """Give a file or folder another name, replacing a file that has it."""
        os.replace(before, after)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        os.unlink(path)

    def make_folder(self, path: Path) -> None:
        """Make a folder, which must not be there."""
        os.mkdir(path)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        os.rmdir(path)


disk = Disk()
"""What everything that writes uses; looked up at each call, so that a test may put another in its place."""
