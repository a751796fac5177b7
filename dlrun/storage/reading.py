"""Read files of a run's folder, which may be somebody else's: regular files only, of a size that memory can hold."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import safetensors

from dlrun.errors import StorageError

MOST_JSON_BYTES = 256 << 20
_PIECE_BYTES = 4 << 20


def read_regular(path: Path, *, most: int = MOST_JSON_BYTES) -> bytes:
    """Return a file's bytes; a pipe or a device, which might block, is not opened for longer than to see what it is.

    most: bytes; a larger file is not read.
    Raises OSError that says what is wrong.
    """
    with _open_regular(path) as stream:
        status = os.fstat(stream.fileno())
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes, expected at most {most:,}", str(path))
        try:
            return stream.read()
        except MemoryError as error:
            raise OSError(errno.ENOMEM, "it does not fit into memory", str(path)) from error


def read_file(path: Path, *, most: int = MOST_JSON_BYTES) -> bytes:
    """Return a file's bytes as `read_regular` does; raises StorageError instead."""
    with _told(path):
        return read_regular(path, most=most)


def read_listed(path: Path, expected: Mapping[str, Any], *, most: int) -> bytes:
    """Return the bytes of a file that a manifest lists. expected: its `bytes` and `sha256` there.

    Raises StorageError if it cannot be read or is not that file.
    """
    content = read_file(path, most=most)
    _compare(path, len(content), hashlib.sha256(content).hexdigest(), expected)
    return content


def verify_listed(path: Path, expected: Mapping[str, Any]) -> None:
    """Read a file of any size piece by piece; raises StorageError as `read_listed` does."""
    digest, num_bytes = hashlib.sha256(), 0
    with _told(path):
        for piece in pieces_of_regular(path):
            digest.update(piece)
            num_bytes += len(piece)
    _compare(path, num_bytes, digest.hexdigest(), expected)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror}).") from error


def _compare(path: Path, num_bytes: int, sha256: str, expected: Mapping[str, Any]) -> None:
    if num_bytes != expected["bytes"]:
        raise StorageError(f"{path}: damaged: {num_bytes:,} bytes, the manifest says {expected['bytes']:,}.")
    if sha256 != expected["sha256"]:
        raise StorageError(f"{path}: damaged: its SHA-256 does not match the manifest.")


def pieces_of_regular(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes in pieces, of any size in all.

    Raises OSError that says what is wrong.
    """
    with _open_regular(path) as stream:
        while piece := stream.read(_PIECE_BYTES):
            yield piece


@contextmanager
def _open_regular(path: Path) -> Iterator[BinaryIO]:
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        yield stream


@contextmanager
def restoring(path: Path) -> Iterator[None]:
    """A block that rebuilds objects from the values of a file: verified bytes may still be anything.

    Raises StorageError for values that are not those of a checkpoint.
    """
    try:
        yield
    except (
        KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RuntimeError, MemoryError,
        safetensors.SafetensorError,
    ) as error:  # fmt: skip
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise StorageError(f"{path}: its content is not that of a checkpoint ({what}).") from error
