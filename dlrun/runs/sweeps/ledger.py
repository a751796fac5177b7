"""The ledger of a sweep in its folder: `sweep.json`, the commands that asked for points, `points.jsonl`, the points.

With both, a sweep goes on without its command line. One process holds a ledger at a time. Imports no torch.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dlrun.errors import StorageError
from dlrun.runs.sweeps.rows import ROWS, SweepRow, append_row, read_rows, write_rows
from dlrun.storage.atomic import remove_debris, replace_file
from dlrun.storage.json_lines import append_line, read_lines
from dlrun.storage.lock import hold
from dlrun.storage.reading import read_regular

COMMANDS, POINTS, LOCK = "sweep.json", "points.jsonl", ".lock"
_FORMAT = 1
_GROWING = ("launch", "search.trials", "search.budget")  # keys that do not change which points a command asks for


@dataclass(frozen=True)
class SweepCommand:
    """A command that asked for points of a sweep.

    words: its KEY=VALUE words without Hydra's. hydra: those of Hydra but the sweep's folder. plugins: the SHA-256 of
    each plugin's file by its path. started_in: the folder in which it was typed, from which its relative paths count.
    """

    words: tuple[str, ...]
    hydra: tuple[str, ...] = ()
    multirun: bool = True
    plugins: Mapping[str, str] = field(default_factory=dict)
    config_dirs: tuple[str, ...] = ()
    started_in: str = ""
    dlrun: str = ""

    def asks_for_same(self, other: SweepCommand) -> bool:
        """Whether another command asks for the same points, or for more trials of the same search."""
        return self._asked() == other._asked()

    def _asked(self) -> tuple[object, ...]:
        words = [word for word in self.words if not is_growing(word.partition("=")[0])]
        return words, self.hydra, self.multirun, self.config_dirs, list(self.plugins)


def is_growing(key: str) -> bool:
    """Whether a key may change when a sweep goes on: it says how points are run, or how many a search tries."""
    return key in _GROWING or key.partition(".")[0] in _GROWING


@dataclass(frozen=True)
class Entry:
    """A point of the ledger: a line of `points.jsonl`; of several lines for one point, the newest holds.

    folder: its name. config: the SHA-256 of the configuration as it was requested; None if composing it failed or is
    not known. words: every key that its command set. plugins: the SHA-256 of each plugin by its name.
    """

    point: int
    folder: str
    config: str | None
    words: tuple[str, ...]
    plugins: Mapping[str, str] = field(default_factory=dict)


class Ledger:
    """The ledger of one sweep, held by this process until `close`.

    entries: by number. rows: the newest of each point, by number.
    """

    def __init__(self, folder: Path, *, lock: IO[str] | None = None) -> None:
        """Read what a folder has; there may be nothing yet.

        Raises StorageError if another process holds it, or it cannot be read.
        """
        self.folder = folder
        self._lock = hold_folder(folder) if lock is None else lock
        remove_debris(folder, (f".{COMMANDS}.*.tmp", f".{ROWS}.*.tmp"))
        try:
            self.commands = read_commands(folder)
            self.rows = {row.point: row for row in read_rows(folder / ROWS)}
            self.entries = {entry.point: entry for entry in _read_entries(folder / POINTS)}
        except StorageError:
            self._lock.close()
            raise
        self._next = 1 + max([-1, *self.entries, *self.rows, *_numbers_of_folders(folder)])

    def close(self) -> None:
        """Let other processes go on with the sweep; sweep.jsonl keeps one row for each point.

        A folder in which no sweep was begun is removed.
        """
        if [path.name for path in self.folder.iterdir()] == [LOCK]:
            (self.folder / LOCK).unlink()
            self.folder.rmdir()
        elif len(read_lines(self.folder / ROWS)) != len(self.rows):
            write_rows(self.folder / ROWS, self.rows.values())
        self._lock.close()

    def note_command(self, command: SweepCommand) -> None:
        """Keep a command as the newest, in place of one that asked for the same points."""
        others = [each for each in self.commands if not each.asks_for_same(command)]
        if [*others, command] != self.commands:
            self.commands = [*others, command]
            content = {"format": _FORMAT, "commands": [dataclasses.asdict(each) for each in self.commands]}
            replace_file(self.folder / COMMANDS, (json.dumps(content, indent=2) + "\n").encode())

    def new_number(self) -> int:
        """Return the number of a new point: one more than the highest so far."""
        self._next += 1
        return self._next - 1

    def record(self, entry: Entry) -> None:
        """Keep a point, on the disk before this returns."""
        if self.entries.get(entry.point) != entry:
            append_line(self.folder / POINTS, dataclasses.asdict(entry))
            self.entries[entry.point] = entry

    def add_row(self, row: SweepRow) -> None:
        """Keep the outcome of a point."""
        append_row(self.folder / ROWS, row)
        self.rows.pop(row.point, None)  # the newest row comes last
        self.rows[row.point] = row

    def read_rows_again(self) -> None:
        """Take the rows that other processes have added."""
        self.rows = {row.point: row for row in read_rows(self.folder / ROWS)}

    def replace_rows(self, rows: Sequence[SweepRow]) -> None:
        """Replace every row."""
        write_rows(self.folder / ROWS, rows)
        self.rows = {row.point: row for row in rows}


def hold_folder(folder: Path) -> IO[str]:
    """Lock the folder of a sweep for this process. Raises StorageError if another one has it."""
    return hold(folder / LOCK, busy="this sweep is being run by")


def holds_sweep(folder: Path) -> bool:
    """Whether a folder has a sweep, also one of a version of dlrun that kept no ledger."""
    return any((folder / name).is_file() for name in (COMMANDS, POINTS, ROWS))


def read_commands(folder: Path) -> list[SweepCommand]:
    """Return the commands of a sweep, the newest last; none if there is no `sweep.json`.

    Raises StorageError if it is damaged or of a newer version of dlrun.
    """
    path = folder / COMMANDS
    if not path.exists():
        return []
    try:
        content = json.loads(read_regular(path))
        if content["format"] != _FORMAT:
            what = f"format {content['format']!r}, which this version of dlrun does not know; use a newer one"
            raise StorageError(f"{path}: {what}.")
        return [_command(each) for each in content["commands"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise StorageError(f"{path}: it is not the ledger of a sweep ({type(error).__name__}: {error}).") from error


def _command(entry: Mapping[str, Any]) -> SweepCommand:
    lists = {name: tuple(map(str, entry[name])) for name in ("words", "hydra", "config_dirs")}
    return SweepCommand(**{**entry, **lists})


def _read_entries(path: Path) -> list[Entry]:
    try:
        return [Entry(**{**line, "words": tuple(line["words"])}) for line in read_lines(path)]
    except (TypeError, KeyError) as error:
        raise StorageError(f"{path}: a line is no point of a sweep ({error}).") from error


def _numbers_of_folders(folder: Path) -> list[int]:
    """Return the numbers that folders have: `3`, or `3_2`, the second folder of point 3."""
    names = [path.name.partition("_")[0] for path in folder.iterdir() if path.is_dir()]
    return [int(name) for name in names if name.isdecimal() and name.isascii()]
