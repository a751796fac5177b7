"""A run's folder, locked so that two runs never share one; the lock ends with its process."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from dlrun.errors import ConfigError, Problem, StorageError
from dlrun.storage.atomic import remove_debris, replace_file, storage_error
from dlrun.storage.lock import hold
from dlrun.wording import printable

_DEBRIS = (
    ".config.yaml.*.tmp", ".result.json.*.tmp", ".metrics.jsonl.*.tmp", ".repro.*.tmp", ".capsule.*.tmp",
    "samples/.*.tmp", ".forecast.json.*.tmp",
)  # fmt: skip
_WRITTEN = (
    ".lock", "config.yaml", "result.json", "metrics.jsonl", "dlrun.log", "forecast.json", "profile.json", "trace.json",
    "checkpoints", "samples", "tensorboard", "trackers", "wandb", "repro",
)  # fmt: skip
MOST_NAMES = 99_999


class RunDir:
    """The folder of one run, owned by this process."""

    def __init__(self, path: Path, lock: IO[str], *, holds_run: bool) -> None:
        self.path = path
        self.holds_run = holds_run  # whether a run was started here before
        self._lock = lock

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    def write_config(self, text: str) -> None:
        """Write `config.yaml`."""
        replace_file(self.path / "config.yaml", text.encode())

    def write_result(self, result: dict[str, Any]) -> None:
        """Write `result.json`."""
        replace_file(self.path / "result.json", (json.dumps(result, indent=2) + "\n").encode())

    def write_forecast(self, content: bytes) -> None:
        """Write `forecast.json`, the errors of a forecast on held-out windows."""
        replace_file(self.path / "forecast.json", content)

    def clean(self) -> None:
        """Remove the temporary files of a killed process."""
        remove_debris(self.path, _DEBRIS)

    def release(self) -> None:
        """Release the lock; a folder in which no run was started is removed."""
        if self._lock.closed:
            return
        with contextlib.suppress(FileNotFoundError):  # somebody removed the folder; what could not be written is told
            if [entry.name for entry in self.path.iterdir()] == [".lock"]:
                (self.path / ".lock").unlink()
                self.path.rmdir()
        self._lock.close()


class RunDirOfFirst(RunDir):
    """The folder of a run that another process owns, which trains it together with this one: nothing is written."""

    def __init__(self, path: Path) -> None:
        self.path, self.holds_run = path, False

    def write_config(self, text: str) -> None:
        """Leave it to the owner."""

    def write_result(self, result: dict[str, Any]) -> None:
        """Leave it to the owner."""

    def write_forecast(self, content: bytes) -> None:
        """Leave it to the owner."""

    def clean(self) -> None:
        """Leave it to the owner."""

    def release(self) -> None:
        """Leave it to the owner."""


def claim(path: Path, *, asked: bool, resume: str) -> RunDir:
    """Lock a folder for a run.

    asked: whether the user named the folder. If not, a suffix is added if the name is taken. If so, a folder that
    contains a run is an error, unless `resume` is "auto" or "must"; "must" requires it to contain one.
    Raises ConfigError, or StorageError if another process holds the lock or the folder cannot be created.
    """
    if asked or resume != "never":
        holds_run = (path / "config.yaml").exists()
        if resume == "must" and not holds_run:
            raise ConfigError(Problem("resume=must", f"There is no run to resume in {printable(str(path))}."))
        if holds_run and resume == "never":
            raise ConfigError(
                Problem(
                    f"hydra.run.dir={printable(str(path))}",
                    "This folder already contains a run. Add resume=auto to resume it, or name another folder.",
                )
            )
        return _lock(path, holds_run=holds_run)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(path.parent, error) from error
    for candidate in numbered(path):
        try:
            candidate.mkdir()  # fails if another process was first
        except FileExistsError:
            continue
        except OSError as error:
            raise storage_error(candidate, error) from error
        return _lock(candidate, holds_run=False)
    raise StorageError(f"{path}: every name up to {path.name}_{MOST_NAMES} is taken.")


def numbered(path: Path) -> Iterator[Path]:
    """Yield `path`, then the same name with _2, _3 and so on up to MOST_NAMES."""
    yield path
    for number in range(2, MOST_NAMES + 1):
        yield path.with_name(f"{path.name}_{number}")


def _check_entries(path: Path) -> None:
    """Raise StorageError for a link, a pipe or a device in a run's folder: writing there would write elsewhere."""
    for entry in (path / name for name in _WRITTEN):
        if entry.is_symlink() or (entry.exists() and not (entry.is_file() or entry.is_dir())):
            what = "a link" if entry.is_symlink() else "a pipe or a device"
            raise StorageError(
                f"{entry}: expected a file or a folder, got {what}; a run writes to its own folder only."
            )


def _lock(path: Path, *, holds_run: bool) -> RunDir:
    try:
        path.mkdir(parents=True, exist_ok=True)
        _check_entries(path)
    except OSError as error:
        raise storage_error(path, error) from error
    return RunDir(path, hold(path / ".lock", busy="this run is being trained by"), holds_run=holds_run)
