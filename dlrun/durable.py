"""Writing so that a file is there whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from dlrun.errors import StorageError


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk.

    Raises StorageError naming the file.
    """
    try:
        with path.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise storage_error(path, error) from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside `path` and put it in its place in one move."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write_file(beside, content)
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's own list of names is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def storage_error(path: Path, error: OSError) -> StorageError:
    """The error in words: which file, what the system said, what to do."""
    hint = " Free some space, or choose another folder with hydra.run.dir=..." if error.errno == 28 else ""
    return StorageError(f"{path}: could not be written ({error.strerror or error}).{hint}")
