"""Locks on files: each belongs to one process and ends with it, however it ends."""

from __future__ import annotations

import fcntl
import functools
import os
import time
import weakref
from pathlib import Path
from typing import IO

from dlrun.errors import StorageError
from dlrun.storage.atomic import storage_error

_locks: weakref.WeakSet[IO[str]] = weakref.WeakSet()


def hold(path: Path, *, busy: str) -> IO[str]:
    """Lock a file for this process, until the returned stream is closed; the file is created if it is missing.

    busy: what an error says if another process holds it, before that process's name.

    Raises StorageError if another process holds it or it cannot be written.
    """
    try:
        lock = path.open("a+")
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip() or "another process"
        lock.close()
        raise StorageError(f"{path.parent}: {busy} {owner}.") from error
    _close_in_children()
    _locks.add(lock)
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {os.uname().nodename}")
    lock.flush()
    return lock


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of a file now."""
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def wait_until_free(path: Path, *, patience_s: float, poll_s: float = 0.02) -> None:
    """Wait until no process holds the lock of a file, but no longer than `patience_s`."""
    until = time.monotonic() + patience_s
    while is_held(path) and time.monotonic() < until:
        time.sleep(poll_s)


@functools.cache
def _close_in_children() -> None:
    """Close the locks in forked workers: they would keep the folder locked after their parent was killed."""
    os.register_at_fork(after_in_child=_close_locks)


def _close_locks() -> None:
    for lock in list(_locks):
        if not lock.closed:
            _replace_by_null(lock.fileno())


def _replace_by_null(handle: int) -> None:
    """Release a handle's file without flushing, as closing would."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, handle, inheritable=False)
    os.close(null)
