"""What halving decided, in a file of the sweep's folder: a sweep that goes on decides as if it had not been stopped."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.errors import StorageError
from dlrun.storage.atomic import storage_error

Trial = tuple[str, ...]
"""The overrides of a point without its seed and fold."""


@dataclass(frozen=True)
class Reached:
    """A trial reached a rung with its best value until then. reason: why it was stopped there, None if it went on."""

    trial: Trial
    rung: int
    metric: str
    value: float
    reason: str | None


@dataclass(frozen=True)
class Saved:
    """What stopping a point saved: steps of all its steps, and the time that they would have taken."""

    point: int
    steps: int
    of_steps: int
    seconds: float


class Memory:
    """Reads the file, and appends to it.

    Raises StorageError if it cannot be read, understood or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reached: dict[int, dict[Trial, Reached]] = defaultdict(dict)
        self.stopped: dict[Trial, str] = {}
        self.saved: dict[int, Saved] = {}
        for entry in self._read():
            self._keep(entry)

    def reached(self, rung: int) -> Sequence[Reached]:
        """Return the trials that reached a rung, in order."""
        return list(self._reached[rung].values())

    def has(self, trial: Trial, rung: int) -> bool:
        """Whether a trial has reached a rung."""
        return trial in self._reached[rung]

    def add(self, entry: Reached | Saved) -> None:
        """Keep an entry, also in the file."""
        self._keep(entry)
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(dataclasses.asdict(entry)) + "\n")
        except OSError as error:
            raise storage_error(self._path, error) from error

    def _keep(self, entry: Reached | Saved) -> None:
        if isinstance(entry, Saved):
            self.saved[entry.point] = entry
            return
        self._reached[entry.rung].setdefault(entry.trial, entry)
        if entry.reason is not None:
            self.stopped.setdefault(entry.trial, entry.reason)

    def _read(self) -> list[Reached | Saved]:
        """Return the entries of the file; a last line that a kill cut short does not count."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise storage_error(self._path, error) from error
        *lines, rest = text.split("\n")
        if rest:  # what is appended next must begin a line
            self._cut(len(text.encode()) - len(rest.encode()))
        return [self._entry(line, number) for number, line in enumerate(lines, start=1)]

    def _cut(self, size: int) -> None:
        try:
            with self._path.open("r+b") as stream:
                stream.truncate(size)
        except OSError as error:
            raise storage_error(self._path, error) from error

    def _entry(self, line: str, number: int) -> Reached | Saved:
        try:
            values: dict[str, Any] = json.loads(line)
            return Saved(**values) if "of_steps" in values else Reached(**{**values, "trial": tuple(values["trial"])})
        except (ValueError, TypeError, KeyError) as error:
            what = f"{self._path}, line {number}: Expected a decision of search.prune=halving, got {line[:80]!r}."
            raise StorageError(f"{what} Remove the file to decide anew.") from error
