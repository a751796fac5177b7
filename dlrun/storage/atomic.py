"""Write files and folders atomically: after a crash, a file is complete or absent."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dlrun.errors import StorageError
from dlrun.storage import disk as system

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk.

    Raises StorageError naming the file.
    """
    write_pieces(path, (content,))


def write_pieces(path: Path, pieces: Iterable[bytes], *, named: Path | None = None) -> None:
    """Write a new file from an iterable of pieces and wait until it is on the disk.

    named: the file that an error names, if `path` is only on the way to it.
    Raises StorageError naming the file, and whatever the iterable raises.
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
        raise storage_error(named or path, error) from error


def write_all(handle: int, content: bytes) -> None:
    """Write all bytes to an open file, in as many calls as the system needs.

    Raises OSError; ENOSPC if the system writes nothing without an error.
    """
    rest = memoryview(content)
    while rest:
        count = system.disk.write(handle, rest)
        if count <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[count:]


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file atomically: write a temporary file beside it, then rename.

    Raises StorageError naming the file, whose old content is then unchanged.
    """
    replace_by_pieces(path, (content,))


def replace_by_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Replace a file as `replace_file` does, with content from an iterable of pieces."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with discarding(temporary, path):
        write_pieces(temporary, pieces, named=path)
        system.disk.rename(temporary, path)
        sync_folder(path.parent)


@contextmanager
def discarding(temporary: Path, path: Path) -> Iterator[None]:
    """A context that makes `path` by way of `temporary`, which is removed if it fails.

    Raises StorageError naming `path` for an OSError.
    """
    try:
        yield
    except BaseException as error:
        discard(temporary)
        if isinstance(error, OSError):
            raise storage_error(path, error) from error
        raise


def sync_folder(folder: Path) -> None:
    """Wait until the list of a folder's entries is on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        system.disk.sync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Wait until the content of a file, if it exists, is on the disk.

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
    """Remove a folder with everything in it, each entry through `disk`; of a link only the link."""
    if folder.is_symlink():
        system.disk.remove(folder)
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            remove_tree(entry)
        else:
            system.disk.remove(entry)
    system.disk.remove_folder(folder)


def discard(path: Path) -> None:
    """Remove what a failed write left, if possible; the caller reports the error of the write itself.

    What cannot be removed has a name that no reader uses, and is removed when a run next starts in the folder.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        elif path.exists():
            system.disk.remove(path)
    except OSError:
        return


def remove_debris(folder: Path, patterns: Iterable[str]) -> None:
    """Remove the temporary files of killed processes from a folder that this process owns."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            discard(path)


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return an error that names the file, the system's message and what to do."""
    hint = " Free some space, or choose another folder with hydra.run.dir=..." if error.errno in _DISK_FULL else ""
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        in_the_way = next((each for each in (path, *path.parents) if each.exists() and not each.is_dir()), None)
        if in_the_way is not None:
            hint = (
                f" {in_the_way} is in the way, since it is no folder: rename it, or choose another folder with "
                "hydra.run.dir=... (of a sweep: hydra.sweep.dir=...)."
            )
    return StorageError(f"{path}: could not be written ({error.strerror or error}).{hint}")
