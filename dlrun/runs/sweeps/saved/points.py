"""The points of a sweep's folder, each checked: nothing in the folder is trusted, no link is followed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.errors import ConfigError, Problem
from dlrun.runs.history import is_number
from dlrun.runs.sweeps.rows import ROWS, whole_overrides
from dlrun.storage.reading import read_regular
from dlrun.tasks.metric_names import is_higher_better
from dlrun.wording import plural, printable

MOST_POINTS = 20_000
_MOST_BYTES = 256 << 20  # of sweep.jsonl
_MOST_OVERRIDES = 100  # of a point
_MOST_METRICS = 200  # of a point
_MOST_CHARACTERS = 2_000  # of a text


@dataclass(frozen=True)
class SavedPoint:
    """A point that ended: what `sweep.jsonl` says of it.

    settings: the text of each override by its key. folder: of its run, within the sweep's; None if it is not there.
    reused: whether the result is one of an earlier run.
    """

    number: int
    settings: Mapping[str, str]
    status: str
    metrics: Mapping[str, float]  # finite, and the value of the best evaluation
    best_metric: str | None = None
    higher_is_better: bool | None = None  # of the best metric
    seconds: float | None = None
    parameters: float | None = None
    error: str = ""
    device: str = ""
    reused: bool = False
    folder: Path | None = None

    @property
    def is_completed(self) -> bool:
        """Whether it was trained to its end."""
        return self.status == "completed"


@dataclass(frozen=True)
class SavedPoints:
    """The points of a sweep in the order of their numbers, and what could not be read, in words."""

    points: list[SavedPoint]
    notices: list[str] = field(default_factory=list)


def read_points(folder: Path) -> SavedPoints:
    """Return the newest row of each point.

    Raises ConfigError when the folder has no sweep, or its sweep.jsonl cannot be read.
    """
    path = folder / ROWS
    if not path.is_file() or path.is_symlink():
        what = "There is no sweep in this folder: it has no sweep.jsonl. `dlrun -m ... hydra.sweep.dir=DIR` makes one."
        raise ConfigError(Problem(printable(str(folder)), what))
    try:
        content = read_regular(path, most=_MOST_BYTES)
    except OSError as error:
        raise ConfigError(Problem(printable(str(path)), f"It cannot be read ({error.strerror}).")) from error
    found: dict[int, SavedPoint] = {}
    num_bad = num_over = 0
    for row in _rows(content):
        point = _point(row, folder)
        if point is None:
            num_bad += 1
        elif len(found) < MOST_POINTS or point.number in found:
            found[point.number] = point
        else:
            num_over += 1
    notices = [f"{plural(num_bad, 'line')} of sweep.jsonl cannot be read"] if num_bad else []
    if num_over:
        notices.append(f"{plural(num_over, 'row')} beyond the first {plural(MOST_POINTS, 'point')} left out")
    num_waiting = _num_without_row(folder, found)
    if num_waiting:
        has = "has" if num_waiting == 1 else "have"
        notices.append(f"{plural(num_waiting, 'point')} {has} a folder but no result: not ended yet, or killed")
    return SavedPoints([found[number] for number in sorted(found)], notices)


def _rows(content: bytes) -> Iterator[Any]:
    for line in content.splitlines():
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


def _point(row: Any, folder: Path) -> SavedPoint | None:
    """Return a row as a point; None if it is none."""
    if not isinstance(row, dict):
        return None
    number, overrides, status = row.get("point"), row.get("overrides"), row.get("status")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 10**9:
        return None
    if not isinstance(overrides, list) or not isinstance(status, str):
        return None
    best = _mapping(row.get("best"))
    best_metric = best.get("metric") if isinstance(best.get("metric"), str) else None
    metrics = {
        _text(name): float(value)
        for name, value in list(_mapping(row.get("metrics")).items())[:_MOST_METRICS]
        if is_number(value)
    }
    if best_metric is not None and is_number(best.get("value")):
        metrics[_text(best_metric)] = float(best["value"])
    return SavedPoint(
        number,
        _settings(overrides),
        _text(status),
        metrics,
        best_metric=_text(best_metric) if best_metric is not None else None,
        higher_is_better=is_higher_better(best_metric, {"best": best}) if best_metric is not None else None,
        seconds=(float(row["seconds"]) or None) if is_number(row.get("seconds")) else None,
        parameters=float(row["parameters"]) if is_number(row.get("parameters")) else None,
        error=_text(row.get("error") or ""),
        device=_text(row.get("device") or ""),
        reused=isinstance(row.get("reused"), str),
        folder=None if row.get("reused") else _folder(folder, number, row.get("run_dir")),
    )


def _settings(overrides: list[Any]) -> dict[str, str]:
    """Return the override's texts by key."""
    words = whole_overrides([_text(word) for word in overrides[:_MOST_OVERRIDES]])
    return {key.lstrip("+"): value for key, equals, value in (word.partition("=") for word in words) if equals}


def _folder(sweep: Path, number: int, run_dir: Any) -> Path | None:
    """Return a point's folder within the sweep's, also after that was moved; what lies elsewhere is not read."""
    names = [str(number), Path(run_dir).name if isinstance(run_dir, str) and len(run_dir) < 4096 else ""]
    for name in reversed(names):
        place = sweep / name
        if name not in ("", "..") and "\0" not in name and place.is_dir() and not place.is_symlink():
            return place
    return None


def _num_without_row(folder: Path, found: Mapping[int, SavedPoint]) -> int:
    names = [path.name for path in folder.iterdir() if path.name.isascii() and path.name.isdigit()]
    taken = {point.folder.name for point in found.values() if point.folder is not None}
    return sum(name not in taken and (folder / name / "config.yaml").is_file() for name in names)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return str(value)[:_MOST_CHARACTERS] if isinstance(value, str | int | float) else ""
