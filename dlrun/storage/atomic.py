"""Writing so that a file is there whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from dlrun.errors import StorageError
from dlrun.storage import disk as system

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk.

    Raises StorageError naming the file.
    """
    write_pieces(path, (content,))


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a new file piece by piece, as they come, and wait until it is on the disk.

    Raises StorageError naming the file, and what the pieces themselves raise.
    """
    try:
        handle = system.disk.create(path)
        try:
            for piece in pieces:
                write_all(handle, piece)
            system.disk.sync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise storage_error(path, error) from error


def write_all(handle: int, content: bytes) -> None:
    """Write all bytes to an open file, going on where the system took only some.

    Raises OSError; ENOSPC where the system takes no more without saying why.
    """
    rest = memoryview(content)
    while rest:
        count = system.disk.write(handle, rest)
        if count <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[count:]


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside `path` and put it in its place in one move."""
    replace_by_pieces(path, (content,))


def replace_by_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """What `replace_file` does, with content that comes piece by piece."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write_pieces(beside, pieces)
        system.disk.rename(beside, path)
        sync_folder(path.parent)
    except BaseException as error:
        discard(beside)
        if isinstance(error, OSError):
            raise storage_error(path, error) from error
        raise


def sync_folder(folder: Path) -> None:
    """Wait until a folder's own list of names is on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        system.disk.sync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Wait until what was written to a file, if it is there, is on the disk.

    Raises StorageError naming the file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        system.disk.sync(handle)
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        os.close(handle)


def remove_tree(folder: Path) -> None:
    """Remove a folder with the files in it, each through `disk`."""
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            remove_tree(entry)
        else:
            system.disk.remove(entry)
    system.disk.remove_folder(folder)


def discard(path: Path) -> None:
    """Remove what a failed write left, as far as the disk lets us: the error that is told is the write's own.

    What cannot be removed now bears a name that no reader takes, and goes when a run next starts there.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        elif path.exists():
            system.disk.remove(path)
    except OSError:
        return


def remove_debris(folder: Path, patterns: Iterable[str]) -> None:
    """Remove what killed processes left half-written in a folder that is ours alone."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            discard(path)


def storage_error(path: Path, error: OSError) -> StorageError:
    """The error in words: which file, what the system said, what to do."""
    full = error.errno in _FULL
    hint = " Free some space, or choose another folder with hydra.run.dir=..." if full else ""
    return StorageError(f"{path}: could not be written ({error.strerror or error}).{hint}")
