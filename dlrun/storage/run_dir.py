"""A run's folder: claimed so that two runs never share one, and held by a lock that does not outlive its process."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import weakref
from pathlib import Path
from typing import IO, Any

from dlrun.errors import ConfigError, Problem, StorageError
from dlrun.storage.atomic import remove_debris, replace_file, storage_error
from dlrun.wording import printable

_DEBRIS = (".config.yaml.*.tmp", ".result.json.*.tmp", ".metrics.jsonl.*.tmp", ".repro.*.tmp", "samples/.*.tmp")
_held: weakref.WeakSet[IO[str]] = weakref.WeakSet()


class RunDir:
    """The folder of one run, owned by this process."""

    def __init__(self, path: Path, lock: IO[str], *, holds_run: bool) -> None:
        self.path = path
        self.holds_run = holds_run  # whether a run had been started here before
        self._lock = lock

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints lie."""
        return self.path / "checkpoints"

    def write_config(self, text: str) -> None:
        """Write `config.yaml`."""
        replace_file(self.path / "config.yaml", text.encode())

    def write_result(self, result: dict[str, Any]) -> None:
        """Write `result.json`."""
        replace_file(self.path / "result.json", (json.dumps(result, indent=2) + "\n").encode())

    def clean(self) -> None:
        """Remove what a killed process left half-written here."""
        remove_debris(self.path, _DEBRIS)

    def release(self) -> None:
        """Let go of the folder; one in which nothing was started is removed."""
        if self._lock.closed:
            return
        if [entry.name for entry in self.path.iterdir()] == [".lock"]:
            (self.path / ".lock").unlink()
            self.path.rmdir()
        self._lock.close()


def claim(path: Path, *, asked: bool, resume: str) -> RunDir:
    """Take a folder for a run.

    A name that was not asked for gets a suffix when it is taken. One that was asked for is refused when it holds a
    run, unless `resume` is "auto" or "must"; "must" needs a run to be there.
    Raises ConfigError, or StorageError when another process owns the folder or it cannot be made.
    """
    if asked or resume != "never":
        holds_run = (path / "config.yaml").exists()
        if resume == "must" and not holds_run:
            raise ConfigError(Problem("resume=must", f"There is no run to go on with in {printable(str(path))}."))
        if holds_run and resume == "never":
            raise ConfigError(
                Problem(
                    f"hydra.run.dir={printable(str(path))}",
                    "This folder holds a run already. Add resume=auto to go on with it, or name another folder.",
                )
            )
        return _lock(path, holds_run=holds_run)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(path.parent, error) from error
    for number in range(1, 100_000):
        candidate = path if number == 1 else path.with_name(f"{path.name}_{number}")
        try:
            candidate.mkdir()  # fails when anybody else was first
        except FileExistsError:
            continue
        except OSError as error:
            raise storage_error(candidate, error) from error
        return _lock(candidate, holds_run=False)
    raise StorageError(f"{path}: every name up to {path.name}_99999 is taken.")


def _lock(path: Path, *, holds_run: bool) -> RunDir:
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("a+")
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip() or "another process"
        lock.close()
        raise StorageError(f"{path}: this run is being trained by {owner}.") from error
    _close_in_children()
    _held.add(lock)
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {os.uname().nodename}")
    lock.flush()
    return RunDir(path, lock, holds_run=holds_run)


@functools.cache
def _close_in_children() -> None:
    """Let no forked worker keep a lock: it would hold the folder after its parent was killed."""
    os.register_at_fork(after_in_child=_close_held)


def _close_held() -> None:
    for lock in list(_held):
        if not lock.closed:
            _replace_by_null(lock.fileno())


def _replace_by_null(handle: int) -> None:
    """Let go of a handle's file without the flush that closing would do."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, handle, inheritable=False)
    os.close(null)
