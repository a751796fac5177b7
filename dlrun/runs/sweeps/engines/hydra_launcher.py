"""Hydra's own launchers (`hydra/launcher=joblib`, ...): Hydra calls a function for each point, wherever it likes.

Only for a launcher that the user asks for: Hydra composes for each point, and knows neither resuming nor searches.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration.schema import groups as schema
from dlrun.errors import Interrupted
from dlrun.runs.sweeps.jobs import Ended, Event, Job, Point, RunJob
from dlrun.runs.sweeps.rows import append_row

LAUNCHER = "hydra/launcher="


def asks_for_launcher(hydra_words: Sequence[str]) -> bool:
    """Whether the user names one of Hydra's launchers."""
    return any(word.lstrip("+").startswith(LAUNCHER) for word in hydra_words)


@dataclass
class HydraJob:
    """The function that Hydra calls for each point; plain data, so that launchers can send it to other processes."""

    points: Sequence[Point]
    folder: Path
    run_job: RunJob
    stopped: int | None = None  # the signal that stopped the sweep
    _value: float | None = field(default=None, init=False)

    def __call__(self, config: Any) -> float | None:
        """Train the point whose number Hydra passes, and add its row; return its best value."""
        if self.stopped is not None:
            return None
        self._value = None
        try:
            self.run_job(Job((self.points[int(config.point)],)), self)
        except Interrupted as error:
            self.stopped = error.exit_code - 128
        return self._value

    def report(self, event: Event) -> None:
        """Add the row of a point that ended (as a Channel)."""
        if isinstance(event, Ended):
            append_row(self.folder / "sweep.jsonl", event.row)
            self._value = None if event.row.best is None else float(event.row.best["value"])

    def stop_reason(self, point: int) -> str | None:
        """Stop no point (as a Channel)."""
        del point
        return None


def launch(
    points: Sequence[Point], folder: Path, run_job: RunJob, *, hydra_words: Sequence[str], config_dirs: Sequence[Path]
) -> int | None:
    """Launch every point with Hydra's launcher, which adds rows to `sweep.jsonl`; return the signal that stopped it."""
    import hydra

    job = HydraJob(points, folder, run_job)
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
    return job.stopped
