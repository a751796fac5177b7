"""Every system call that changes the disk, in one place, so that tests can make any of them fail."""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """Thin wrappers of system calls; each raises OSError."""

    def create(self, path: Path) -> int:
        """Open a file for writing, created or emptied; return its handle."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)

    def append(self, path: Path) -> int:
        """Open a file for appending, created if missing; return its handle."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)

    def write(self, handle: int, content: memoryview) -> int:
        """Write some of the bytes, possibly not all; return how many."""
        return os.write(handle, content)

    def sync(self, handle: int) -> None:
        """Wait until the content of a file or folder is on the disk."""
        os.fsync(handle)

    def rename(self, before: Path, after: Path) -> None:
        """Rename a file or folder; an existing file of the new name is replaced."""
        os.replace(before, after)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        os.unlink(path)

    def make_folder(self, path: Path) -> None:
        """Create a folder, which must not exist."""
        os.mkdir(path)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        os.rmdir(path)


disk = Disk()
"""The disk that all writing code uses, as `disk.disk`; looked up at each call, so that a test can replace it."""
