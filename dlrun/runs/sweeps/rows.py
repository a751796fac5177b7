"""The rows of `sweep.jsonl`: the outcome of each point. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.errors import DivergedError, DlrunError, Interrupted, StorageError
from dlrun.runs.history import read_result
from dlrun.storage.json_lines import append_line, read_lines, replace_lines
from dlrun.tasks.metric_names import is_higher_better

ROWS = "sweep.jsonl"


def has_rows(folder: Path) -> bool:
    """Whether a folder has the results of a sweep."""
    return (folder / ROWS).is_file()


@dataclass(frozen=True)
class SweepRow:
    """The outcome of a point: a line of `sweep.jsonl`.

    status: as in result.json, or "pruned" for a point that the search stopped. seconds: of the whole run; 0 if it ended
    before its training began.
    """

    point: int
    overrides: list[str]
    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, Any] | None = None
    seconds: float = 0.0
    run_dir: str = ""
    error: str | None = None
    exit_code: int = 0
    device: str = ""  # where it was trained: cpu, cuda:1
    reused: str | None = None  # the folder of the earlier run whose result this is
    parameters: int | None = None

    @property
    def is_completed(self) -> bool:
        """Whether the point was trained to its end."""
        return self.status == "completed"


def row_of_result(point: int, overrides: Sequence[str], result: Mapping[str, Any], folder: Path) -> SweepRow:
    """Return the row of a point whose run ended with a result (`result.json`)."""
    return SweepRow(
        point,
        list(overrides),
        result["status"],
        result["metrics"],
        result["best"],
        result["seconds"]["total"],
        str(folder),
        error=result.get("error"),
        exit_code=DivergedError.exit_code if result["status"] == "diverged" else 0,
        device=str((result.get("environment") or {}).get("device", "")),
        parameters=result.get("parameters"),
    )


def row_of_error(point: int, overrides: Sequence[str], error: Exception, folder: Path) -> SweepRow:
    """Return the row of a point that ended with an error; one that is not dlrun's is a defect, and a row too."""
    if isinstance(error, DlrunError):
        stopped = "interrupted" if isinstance(error, Interrupted) else "failed"
        status = "diverged" if isinstance(error, DivergedError) else stopped
        what, exit_code = str(error), error.exit_code
    else:
        status, what, exit_code = "failed", f"{type(error).__name__}: {error}", 1
    return SweepRow(
        point,
        list(overrides),
        status,
        seconds=_seconds_until(error, folder),
        run_dir=str(folder),
        error=what,
        exit_code=exit_code,
    )


def _seconds_until(error: Exception, folder: Path) -> float:
    """How long a run took that ended with this error; 0 if it ended before it had a result to write."""
    result = read_result(folder)
    is_its_own = result.get("error") == str(error)  # not that of an earlier attempt
    return float((result.get("seconds") or {}).get("total", 0.0)) if is_its_own else 0.0


def append_row(path: Path, row: SweepRow) -> None:
    """Append a row; several processes may do so at once.

    Raises StorageError if the file cannot be written.
    """
    append_line(path, dataclasses.asdict(row))


def read_rows(path: Path) -> list[SweepRow]:
    """Return the newest row of each point of a sweep, in the order in which the points finished.

    Raises StorageError if the file cannot be read.
    """
    try:
        rows = [SweepRow(**entry) for entry in read_lines(path)]
    except TypeError as error:
        raise StorageError(f"{path}: a line is no row of a sweep ({error}).") from error
    newest = {row.point: number for number, row in enumerate(rows)}
    return [rows[number] for number in sorted(newest.values())]


def write_rows(path: Path, rows: Iterable[SweepRow]) -> None:
    """Replace all rows at once. Raises StorageError if the file cannot be written."""
    replace_lines(path, map(dataclasses.asdict, rows))


def folder_of(sweep: Path, row: SweepRow) -> Path:
    """Return the folder of a point's run, also after the sweep's folder was moved; of one taken over, where it is."""
    moved = sweep / Path(row.run_dir).name
    return moved if row.reused is None and moved.is_dir() else Path(row.run_dir)


def whole_overrides(pieces: Sequence[str]) -> list[str]:
    """Return the overrides of a row; older versions of dlrun cut values at their spaces: `[8,` and `4]`."""
    words: list[str] = []
    for piece in pieces:
        if "=" in piece or not words:
            words.append(piece)
        else:
            words[-1] += f" {piece}"
    return words


def num_done(rows: Iterable[SweepRow]) -> int:
    """Return how many points have ended and need not go on."""
    return sum(row.status != "interrupted" for row in rows)


def best_first(rows: Sequence[SweepRow]) -> list[SweepRow]:
    """Sort rows by their best metric; after them completed points whose order is unknown, failures last."""

    def key(row: SweepRow) -> tuple[int, float]:
        higher = None if row.best is None else is_higher_better(row.best["metric"], {"best": row.best})
        if row.best is None or row.best["value"] != row.best["value"] or higher is None:
            return (1 if row.status == "completed" else 2, float(row.point))
        value = float(row.best["value"])
        return (0, -value if higher else value)

    return sorted(rows, key=key)
