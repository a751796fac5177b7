"""Train in this process with overrides, and read what a run wrote: what tests of runs and training share."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Interrupted
from dlrun.report.metrics_file import MetricsFile
from dlrun.runs import run
from dlrun.storage import run_dir
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.training.signals import StopRequest

CPU = ("device=cpu", "device.threads=1")
SMALL = (
    "dataset=iris",
    "model=mlp",
    "model.hidden=[8]",
    "trainer.epochs=4",
    "trainer.batch_size=32",
    "trainer.log_every=1",
    *CPU,
)


def configure(*words: str, plugins: Sequence[Path] = ()) -> RunConfig:
    """Return the configuration of one run."""
    catalog = Catalog(plugins=plugins)
    (plan,) = plan_runs(parse_overrides(words, catalog), catalog)
    return compose(plan, catalog).config


class RowCollector(Listener):
    """Collects the rows of a run; requests a stop after the step `stop_after`."""

    def __init__(self, stop: StopRequest, *, stop_after: int | None = None) -> None:
        self.steps: list[Row] = []
        self.epochs: list[Row] = []
        self.ended: list[Any] = []
        self.notices: list[str] = []
        self._stop, self._stop_after = stop, stop_after

    def on_step(self, progress: Progress, row: Row) -> None:
        self.steps.append(row)
        if progress.step == self._stop_after:
            self._stop.signal = signal.SIGTERM

    def on_epoch(self, progress: Progress, row: Row) -> None:
        self.epochs.append(row)

    def on_notice(self, text: str) -> None:
        self.notices.append(text)

    def on_end(self, result: Any) -> None:
        self.ended.append(result)


def train(
    folder: Path, *words: str, stop_after: int | None = None, resume: str = "never"
) -> tuple[RowCollector, dict[str, Any]]:
    """Train in `folder`; return the rows and the result."""
    stop = StopRequest()
    collector = RowCollector(stop, stop_after=stop_after)
    claimed = run_dir.claim(folder, asked=True, resume=resume)

    def make_listeners(session: run.Session) -> Sequence[Listener]:
        return [MetricsFile(folder / "metrics.jsonl", from_step=session.resumed_from), collector]

    try:
        result = run.train(configure(*words), Catalog(), claimed, stop=stop, make_listeners=make_listeners)
    finally:
        claimed.release()
    return collector, result


def train_with_a_break(folder: Path, *words: str, stop_after: int) -> None:
    """Train in `folder`, interrupted after a step, and resume to the end."""
    with pytest.raises(Interrupted):
        train(folder, *words, stop_after=stop_after)
    train(folder, *words, resume="auto")


def rows_without_seconds(folder: Path) -> list[dict[str, float]]:
    """Return the rows of metrics.jsonl without their times."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def weights(folder: Path) -> bytes:
    """Return the weights of the last checkpoint, as they are on the disk."""
    last = (folder / "checkpoints" / "last").read_text().strip()
    return (folder / "checkpoints" / last / "model.safetensors").read_bytes()
