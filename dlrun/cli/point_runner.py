"""Train the points of a job: what every engine of a sweep runs, in this process or another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.cli.pack_runner import train_pack
from dlrun.cli.running import run_one
from dlrun.configuration.compose import compose
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Interrupted
from dlrun.runs.history import finished_result
from dlrun.runs.sweeps.jobs import Channel, Ended, Job, Point, Started
from dlrun.runs.sweeps.packing.eligible import Mode
from dlrun.runs.sweeps.rows import row_of_error, row_of_result

if TYPE_CHECKING:
    from dlrun.runs.run import Session
    from dlrun.tasks.progress import Listener
    from dlrun.training.signals import StopRequest


@dataclasses.dataclass(frozen=True)
class PointRunner:
    """Trains the points of a job (a RunJob). It holds plain data, so that it can be sent to other processes."""

    plugins: Sequence[Path]
    config_dirs: Sequence[Path]
    quiet: bool
    profile: bool = False
    pack: Mode = "off"  # launch.pack

    def __call__(self, job: Job, channel: Channel) -> None:
        """Train every point and report its end; an error is a row and does not stop the others."""
        for point in self._train_pack(job, channel) if job.is_pack else job.points:
            channel.report(Started(point.number))
            try:
                row = row_of_result(point.number, point.overrides, self._train(point, channel), point.folder)
            except Interrupted as error:
                channel.report(Ended(row_of_error(point.number, point.overrides, error, point.folder)))
                if channel.stop_reason(point.number) is None:  # a signal, which stops the sweep
                    raise
                continue
            except Exception as error:  # noqa: BLE001 - a bug at one point must not hide the results of the others
                row = row_of_error(point.number, point.overrides, error, point.folder)
            channel.report(Ended(row))

    def _train_pack(self, job: Job, channel: Channel) -> Sequence[Point]:
        """Train the points of a job together; return those that must be trained alone."""
        catalog = Catalog(plugins=self.plugins, config_dirs=self.config_dirs)
        configs = [(point, compose(point.plan, catalog).config) for point in job.points]
        return train_pack(configs, channel, catalog, mode=self.pack, quiet=self.quiet)

    def _train(self, point: Point, channel: Channel) -> Mapping[str, Any]:
        catalog = Catalog(plugins=self.plugins, config_dirs=self.config_dirs)
        composed = compose(point.plan, catalog)
        finished = finished_result(point.folder, composed.config) if composed.config.resume != "never" else None
        if finished is not None:
            return finished

        def observe(session: Session, stop: StopRequest) -> Listener:
            from dlrun.runs.sweeps.measuring import PointListener

            return PointListener(point.number, channel, session, stop)

        result, _ = run_one(
            composed,
            catalog,
            point.folder,
            asked=True,
            quiet=self.quiet,
            profile=self.profile,
            observe=observe,
        )
        return result
