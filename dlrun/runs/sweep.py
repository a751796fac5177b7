"""Sweeps: the points are expanded and checked beforehand, launched by Hydra, and each leaves a row."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration.plan import Plan
from dlrun.configuration.schema import groups as schema
from dlrun.errors import ConfigError, DlrunError, Interrupted
from dlrun.storage.atomic import storage_error
from dlrun.tasks.metric_names import is_higher_better

RunPoint = Callable[[Plan, Path], Mapping[str, Any]]
"""Trains a point in its folder and returns the result; raises the DlrunError that ended it."""


@dataclass(frozen=True)
class Row:
    """What became of a point: a line of `sweep.jsonl`."""

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
    """What Hydra calls for each point; plain data, so that launchers can send it to other processes."""

    points: Sequence[Plan]
    folder: Path
    run_point: RunPoint
    stopped: int | None = None  # the signal that stopped the sweep

    def __call__(self, config: Any) -> float | None:
        """Train the point that Hydra's job names; nothing it raises reaches the other points."""
        from hydra.core.hydra_config import HydraConfig

        number = int(config.point)
        point = self.points[number]
        run_dir = Path(HydraConfig.get().runtime.output_dir)
        overrides = point.label.split() if point.label else []
        if self.stopped is not None:
            return None
        try:
            result = self.run_point(point, run_dir)
            row = Row(
                number,
                overrides,
                result["status"],
                result["metrics"],
                result["best"],
                result["seconds"]["total"],
                str(run_dir),
            )
        except Interrupted as error:
            self.stopped = error.exit_code - 128
            row = Row(
                number, overrides, "interrupted", run_dir=str(run_dir), error=str(error), exit_code=error.exit_code
            )
        except DlrunError as error:
            status = "diverged" if error.exit_code == 4 else "failed"
            row = Row(number, overrides, status, run_dir=str(run_dir), error=str(error), exit_code=error.exit_code)
        except Exception as error:  # noqa: BLE001 - a defect at one point must not hide the other points' results
            row = Row(
                number, overrides, "failed", run_dir=str(run_dir), error=f"{type(error).__name__}: {error}", exit_code=1
            )
        append_row(self.folder / "sweep.jsonl", row)
        return None if row.best is None else float(row.best["value"])


def append_row(path: Path, row: Row) -> None:
    """Add a line; several processes may do so at once."""
    try:
        with path.open("a", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.write(json.dumps(dataclasses.asdict(row)) + "\n")
    except OSError as error:
        raise storage_error(path, error) from error


def read_rows(path: Path) -> list[Row]:
    """Every row of a sweep, in the order they were finished."""
    if not path.exists():
        return []
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def launch(
    points: Sequence[Plan], run_point: RunPoint, *, hydra_words: Sequence[str], config_dirs: Sequence[Path]
) -> tuple[Path, list[Row]]:
    """Launch every point through Hydra's launcher; returns the sweep's folder and its rows.

    Raises Interrupted when a signal stopped the sweep, after the point at hand was saved.
    """
    import hydra

    folder = claim_folder(sweep_dir(hydra_words))
    job = Job(points, folder, run_point)
    before = sys.argv
    flags = [word for path in config_dirs for word in ("--config-dir", str(path))]
    rest = [word for word in hydra_words if not word.lstrip("+").startswith("hydra.sweep.dir=")]
    numbers = ",".join(map(str, range(len(points)))) if len(points) > 1 else "0"
    sys.argv = ["dlrun", "--multirun", f"point={numbers}", f'hydra.sweep.dir="{folder}"', *rest, *flags]
    try:
        hydra.main(version_base="1.3", config_path=str(schema.resource_dir("conf").resolve()), config_name="sweep")(
            job
        )()
    finally:
        sys.argv = before
    rows = read_rows(folder / "sweep.jsonl")
    if job.stopped is not None:
        raise Interrupted(
            job.stopped,
            f"The sweep was stopped after {len(rows)} of {len(points)} points; what is done is in {folder}.",
        )
    return folder, rows


def sweep_dir(hydra_words: Sequence[str]) -> Path:
    """The folder that Hydra would choose for this sweep."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException

    try:
        with initialize_config_dir(str(schema.resource_dir("conf").resolve()), version_base="1.3", job_name="dlrun"):
            words = [word for word in hydra_words if word.lstrip("+").startswith("hydra.sweep.")]
            return Path(str(compose("sweep", overrides=words, return_hydra_config=True).hydra.sweep.dir))
    except HydraException as error:
        raise ConfigError(f"The sweep's folder cannot be worked out: {error}") from error


def claim_folder(path: Path) -> Path:
    """A folder of the sweep's own: a taken name gets a suffix."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(path.parent, error) from error
    for number in range(1, 100_000):
        candidate = (path if number == 1 else path.with_name(f"{path.name}_{number}")).resolve()
        try:
            candidate.mkdir()
        except FileExistsError:
            if not any(candidate.iterdir()):
                return candidate
            continue
        except OSError as error:
            raise storage_error(candidate, error) from error
        return candidate
    raise ConfigError(f"{path}: every name up to {path.name}_99999 is taken.")


def best_first(rows: Sequence[Row]) -> list[Row]:
    """Sort rows by their best metric; after them completed points whose order is unknown, failures last."""

    def key(row: Row) -> tuple[int, float]:
        higher = None if row.best is None else is_higher_better(row.best["metric"], {"best": row.best})
        if row.best is None or row.best["value"] != row.best["value"] or higher is None:
            return (1 if row.status == "completed" else 2, float(row.point))
        value = float(row.best["value"])
        return (0, -value if higher else value)

    return sorted(rows, key=key)
