"""Sweeps: Hydra launches the points, which were checked before, and each adds a row to `sweep.jsonl`."""

from __future__ import annotations

import dataclasses
import fcntl
import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration.override_text import Value
from dlrun.configuration.plan import Plan
from dlrun.configuration.schema import groups as schema
from dlrun.errors import ConfigError, DlrunError, Interrupted, Problem
from dlrun.storage import run_dir
from dlrun.storage.atomic import replace_file, storage_error
from dlrun.tasks.metric_names import is_higher_better
from dlrun.wording import printable

RunPoint = Callable[[Plan, Path], Mapping[str, Any]]
"""Train a point in its folder and return the result; raises the DlrunError that ended it."""


@dataclass(frozen=True)
class SweepRow:
    """The outcome of a point: a line of `sweep.jsonl`."""

    point: int
    overrides: list[str]
    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, Any] | None = None
    seconds: float = 0.0
    run_dir: str = ""
    error: str | None = None
    exit_code: int = 0


@dataclass
class Job:
    """The function that Hydra calls for each point; plain data, so that launchers can send it to other processes."""

    points: Sequence[Plan]
    folder: Path
    run_point: RunPoint
    stopped: int | None = None  # the signal that stopped the sweep

    def __call__(self, config: Any) -> float | None:
        """Train the point whose number Hydra passes; an error is recorded and does not stop the other points."""
        from hydra.core.hydra_config import HydraConfig

        number = int(config.point)
        point = self.points[number]
        folder = Path(HydraConfig.get().runtime.output_dir)
        overrides = point.label.split() if point.label else []
        if self.stopped is not None:
            return None
        make_row = functools.partial(SweepRow, number, overrides, run_dir=str(folder))
        try:
            result = self.run_point(point, folder)
            row = make_row(result["status"], result["metrics"], result["best"], result["seconds"]["total"])
        except Interrupted as error:
            self.stopped = error.exit_code - 128
            row = make_row("interrupted", error=str(error), exit_code=error.exit_code)
        except DlrunError as error:
            status = "diverged" if error.exit_code == 4 else "failed"
            row = make_row(status, error=str(error), exit_code=error.exit_code)
        except Exception as error:  # noqa: BLE001 - a bug at one point must not hide the results of the others
            row = make_row("failed", error=f"{type(error).__name__}: {error}", exit_code=1)
        append_row(self.folder / "sweep.jsonl", row)
        return None if row.best is None else float(row.best["value"])


def append_row(path: Path, row: SweepRow) -> None:
    """Append a row; several processes may do so at once.

    Raises StorageError if the file cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.write(json.dumps(dataclasses.asdict(row)) + "\n")
    except OSError as error:
        raise storage_error(path, error) from error


def read_rows(path: Path) -> list[SweepRow]:
    """Return the newest row of each point of a sweep, in the order in which the points finished."""
    if not path.exists():
        return []
    rows = [SweepRow(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    newest = {row.point: number for number, row in enumerate(rows)}
    return [rows[number] for number in sorted(newest.values())]


def launch(
    points: Sequence[Plan], run_point: RunPoint, *, hydra_words: Sequence[str], config_dirs: Sequence[Path]
) -> tuple[Path, list[SweepRow]]:
    """Launch every point with Hydra's launcher; return the sweep's folder and its rows.

    With `resume`, a folder that has this sweep already is used again, and each point resumes there.
    Raises Interrupted if a signal stopped the sweep, after the current point was saved.
    """
    import hydra

    wanted = sweep_dir(hydra_words)
    again = _resumes(points) and (wanted / "multirun.yaml").exists()
    folder = wanted.resolve() if again else claim_folder(wanted)
    if again:
        _check_same(folder, points)
    job = Job(points, folder, run_point)
    config_flags = [word for path in config_dirs for word in ("--config-dir", str(path))]
    others = [word for word in hydra_words if not word.lstrip("+").startswith("hydra.sweep.dir=")]
    numbers = ",".join(map(str, range(len(points)))) if len(points) > 1 else "0"
    conf = str(schema.resource_dir("conf").resolve())
    arguments = sys.argv
    sys.argv = ["dlrun", "--multirun", f"point={numbers}", f'hydra.sweep.dir="{folder}"', *others, *config_flags]
    try:
        hydra.main(version_base="1.3", config_path=conf, config_name="sweep")(job)()
    finally:
        sys.argv = arguments
    rows = read_rows(folder / "sweep.jsonl")
    if again:  # a row for each point, as in a sweep that was not interrupted
        lines = (json.dumps(dataclasses.asdict(row)) + "\n" for row in rows)
        replace_file(folder / "sweep.jsonl", "".join(lines).encode())
    if job.stopped is not None:
        raise Interrupted(
            job.stopped,
            f"The sweep was stopped after {len(rows)} of {len(points)} points; their results are in {folder}.",
        )
    return folder, rows


def _resumes(points: Sequence[Plan]) -> bool:
    """Whether every point has resume=auto or resume=must."""
    never = Value("never", "never")
    return all(point.values().get("resume", never).value != "never" for point in points)


def _check_same(folder: Path, points: Sequence[Plan]) -> None:
    """Raise ConfigError if a folder has the results of a sweep with other points."""
    for row in read_rows(folder / "sweep.jsonl"):
        now = points[row.point].label if row.point < len(points) else "no point"
        if now != " ".join(row.overrides):
            what = (
                f"This folder has another sweep: its point {row.point} is {' '.join(row.overrides)}, here it is {now}."
            )
            raise ConfigError(Problem(f"hydra.sweep.dir={printable(str(folder))}", f"{what} Name another folder."))


def sweep_dir(hydra_words: Sequence[str]) -> Path:
    """Return the folder that Hydra would choose for this sweep.

    Raises ConfigError if Hydra rejects an override.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException

    try:
        with initialize_config_dir(str(schema.resource_dir("conf").resolve()), version_base="1.3", job_name="dlrun"):
            words = [word for word in hydra_words if word.lstrip("+").startswith("hydra.sweep.")]
            return Path(str(compose("sweep", overrides=words, return_hydra_config=True).hydra.sweep.dir))
    except HydraException as error:
        raise ConfigError(f"Cannot determine the sweep's folder: {error}") from error


def claim_folder(path: Path) -> Path:
    """Create a new folder for the sweep, with a suffix if the name is taken.

    Raises StorageError if it cannot be created, ConfigError if every name is taken.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(path.parent, error) from error
    for name in run_dir.numbered(path):
        candidate = name.resolve()
        try:
            candidate.mkdir()
        except FileExistsError:
            if candidate.is_dir() and not any(candidate.iterdir()):
                return candidate
            continue
        except OSError as error:
            raise storage_error(candidate, error) from error
        return candidate
    raise ConfigError(f"{path}: every name up to {path.name}_{run_dir.MOST_NAMES} is taken.")


def best_first(rows: Sequence[SweepRow]) -> list[SweepRow]:
    """Sort rows by their best metric; after them completed points whose order is unknown, failures last."""

    def key(row: SweepRow) -> tuple[int, float]:
        higher = None if row.best is None else is_higher_better(row.best["metric"], {"best": row.best})
        if row.best is None or row.best["value"] != row.best["value"] or higher is None:
            return (1 if row.status == "completed" else 2, float(row.point))
        value = float(row.best["value"])
        return (0, -value if higher else value)

    return sorted(rows, key=key)
