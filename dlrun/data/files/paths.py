"""Paths of the user's files: found, readable, and unchanged while they are read."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from dlrun.configuration.recipes.published import NO_DATA
from dlrun.errors import DataError, did_you_mean, nearest
from dlrun.wording import printable

_CHUNK_BYTES = 4 << 20
_EXAMPLE = "example:"


def locate(name: str) -> Path:
    """Return the file that `dataset.path` names: `example:NAME` is a file of dlrun's own, `~` the user's home.

    Raises DataError if it does not exist, is no regular file or cannot be read.
    """
    refuse_no_data(name)
    if name.startswith(_EXAMPLE):
        folder = Path(str(resources.files("dlrun.data"))) / "bundled" / "examples"
        known = sorted(path.name for path in folder.iterdir())
        if name.removeprefix(_EXAMPLE) not in known:
            raise DataError(
                f"{printable(name)}: there is no such example. {did_you_mean(name.removeprefix(_EXAMPLE), known)}"
            )
        return folder / name.removeprefix(_EXAMPLE)
    return check_file(Path(name).expanduser())


def refuse_no_data(name: str) -> None:
    """Raise DataError for the name that stands for the data of a published model."""
    if name == NO_DATA:
        raise DataError(
            "A published model has no data in its folder. Name the file or folder with the data: dataset.path=... (and "
            "dataset.val=..., dataset.test=... if it was trained with those)."
        )


def check_file(path: Path) -> Path:
    """Return the path, which must be a regular file that can be read.

    Raises DataError that says what it is instead.
    """
    shown = printable(str(path), limit=500)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise DataError(f"{shown}: expected a file, got a folder.")
        if not stat.S_ISREG(mode):
            raise DataError(f"{shown}: expected a file, got a pipe or a device.")
        with path.open("rb"):
            return path
    except FileNotFoundError as error:
        raise DataError(f"{shown}: there is no such file. {_near(path)}".rstrip()) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{shown}: cannot be read ({getattr(error, 'strerror', None) or error}).") from error


def check_file_or_folder(path: Path) -> None:
    """Raise DataError for a path where nothing is, or neither a file nor a folder."""
    shown = printable(str(path), limit=500)
    if not path.exists():
        raise DataError(f"{shown}: no such file or folder.")
    if not path.is_file() and not path.is_dir():
        raise DataError(f"{shown}: expected a file or a folder, got a pipe or a device.")


def _near(path: Path) -> str:
    """Suggest a file in the same folder with a similar name."""
    others = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, others)
    return f'Did you mean "{near}"?' if near is not None else ""


def read_in_chunks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, some megabytes at a time."""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    for chunk in read_in_chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def unchanged(*paths: Path) -> Iterator[None]:
    """A block that reads files; they must be the same before and after.

    Raises DataError naming a file that changed meanwhile.
    """
    before = [_state(path) for path in paths]
    yield
    for path, state in zip(paths, before, strict=True):
        if _state(path) != state:
            raise DataError(
                f"{printable(str(path), limit=500)}: it changed while it was being read. "
                "Wait until the file is complete, then start again."
            )


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def check_unchanged(path: Path, size: int, mtime_ns: int) -> None:
    """Raise DataError if a file has changed since it was surveyed, or is gone."""
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    if (status.st_size, status.st_mtime_ns) != (size, mtime_ns):
        raise changed(path)


def changed(path: Path) -> DataError:
    """Return the error for a file that changed while a run reads its rows as they are needed."""
    shown = printable(str(path), limit=500)
    return DataError(f"{shown}: changed while the run was reading it; start a new run once the file is complete.")


def unreadable(path: Path, error: OSError) -> DataError:
    """Return the error for a file that can no longer be read."""
    return DataError(f"{printable(str(path), limit=500)}: can no longer be read ({error.strerror or error}).")
