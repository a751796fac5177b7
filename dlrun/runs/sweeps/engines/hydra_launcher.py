"""Hydra's own launchers (`hydra/launcher=joblib`, ...): Hydra calls a function for each point, wherever it likes.

Only for a launcher that the user asks for: Hydra composes for each point, and knows neither resuming nor searches.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration.compose import compose_file, search_words
from dlrun.configuration.schema import groups as schema
from dlrun.errors import ConfigError, DlrunError, Interrupted, Problem, did_you_mean
from dlrun.runs.sweeps.engines.cluster.file_channel import OrderReader, order_stop
from dlrun.runs.sweeps.folder import SWEEP_DIR
from dlrun.runs.sweeps.jobs import Ended, Event, Job, Point, RunJob
from dlrun.runs.sweeps.rows import ROWS, append_row
from dlrun.wording import printable

LAUNCHER = "hydra/launcher="
_ORDERS = ".launcher-orders.jsonl"


def asks_for_launcher(hydra_words: Sequence[str]) -> bool:
    """Whether the user names one of Hydra's launchers."""
    return any(word.lstrip("+").startswith(LAUNCHER) for word in hydra_words)


def check_launcher(hydra_words: Sequence[str], given: Sequence[str], config_dirs: Sequence[Path]) -> None:
    """Raise ConfigError if Hydra has no such launcher, or for settings of a sweep that it cannot serve.

    given: the keys of `launch.*` and `search.*` that the user set.
    """
    from hydra.errors import HydraException

    word = next(word for word in hydra_words if word.lstrip("+").startswith(LAUNCHER))
    what = (
        f"Hydra's launcher knows only points that are listed, and runs them in its own way: leave this or {word} out."
    )
    problems = [Problem(printable(key), what, "contradiction") for key in given]
    try:
        compose_file("sweep", [*hydra_words, *search_words(config_dirs)])
    except HydraException as error:
        problems.append(Problem(printable(word), _told(word, error), "unknown-option"))
    if problems:
        raise ConfigError(problems)


def _told(word: str, error: Exception) -> str:
    """Return what is wrong with the user's overrides of Hydra's launcher."""
    from hydra.errors import MissingConfigException

    if isinstance(error, MissingConfigException) and error.options:
        near = did_you_mean(word.partition("=")[2], error.options, prefix=LAUNCHER)
        return f"No such launcher is installed; packages such as hydra-joblib-launcher bring them. {near}".rstrip()
    return " ".join(str(error).split())


@dataclass
class HydraJob:
    """The function that Hydra calls for each point; plain data, so that launchers can send it to other processes.

    A stop reaches those through a file in the sweep's folder.
    """

    points: Sequence[Point]
    folder: Path
    run_job: RunJob
    stopped: int | None = None  # the signal that stopped the sweep
    _value: float | None = field(default=None, init=False)
    _orders: OrderReader | None = field(default=None, init=False)

    def __call__(self, config: Any) -> float | None:
        """Train the point whose number Hydra passes, and add its row; return its best value."""
        point = self.points[int(config.point)]
        self._orders = OrderReader(self.folder / _ORDERS)
        if self.stopped is not None or self.stop_reason(point.number) is not None:
            return None
        self._value = None
        try:
            self.run_job(Job((point,)), self)
        except Interrupted as error:
            self.stopped = error.exit_code - 128
        return self._value

    def report(self, event: Event) -> None:
        """Add the row of a point that ended (as a Channel)."""
        if isinstance(event, Ended):
            append_row(self.folder / ROWS, event.row)
            self._value = None if event.row.best is None else float(event.row.best["value"])

    def stop_reason(self, point: int) -> str | None:
        """Return why a point should stop: the sweep was stopped (as a Channel)."""
        return None if self._orders is None else self._orders.reason(point)

    def stop(self, number: int, frame: Any) -> None:
        """Stop every point, as the handler of a signal in the process of the sweep; at once if it comes again."""
        del frame
        if self.stopped is not None:
            os._exit(128 + number)
        self.stopped = number
        order_stop(self.folder / _ORDERS, "the sweep was stopped")


def launch(
    points: Sequence[Point], folder: Path, run_job: RunJob, *, hydra_words: Sequence[str], config_dirs: Sequence[Path]
) -> int | None:
    """Launch every point with Hydra's launcher, which adds rows to `sweep.jsonl`; return the signal that stopped it.

    Raises DlrunError if the launcher fails; Hydra has printed why.
    """
    import hydra

    job = HydraJob(points, folder, run_job)
    config_flags = [word for path in config_dirs for word in ("--config-dir", str(path))]
    others = [word for word in hydra_words if not word.lstrip("+").startswith(SWEEP_DIR)]
    numbers = ",".join(map(str, range(len(points)))) if len(points) > 1 else "0"
    conf = str(schema.resource_dir("conf").resolve())
    arguments = sys.argv
    sys.argv = ["dlrun", "--multirun", f"point={numbers}", f'hydra.sweep.dir="{folder}"', *others, *config_flags]
    try:
        with _signals(job):
            hydra.main(version_base="1.3", config_path=conf, config_name="sweep")(job)()
    except SystemExit as error:
        what = "Hydra's launcher failed; what it says is above. The points that ended are in"
        raise DlrunError(f"{what} {folder / ROWS}.") from error
    finally:
        sys.argv = arguments
        (folder / _ORDERS).unlink(missing_ok=True)
    return job.stopped


@contextmanager
def _signals(job: HydraJob) -> Iterator[None]:
    """A block in which signals to this process stop the points, wherever they run."""
    before = {number: signal.signal(number, job.stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
