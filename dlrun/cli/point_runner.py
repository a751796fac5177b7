"""Train the points of a job: what every engine of a sweep runs, in this process or another."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.cli.pack_runner import train_pack
from dlrun.cli.running import Afar, Hooks, run_one
from dlrun.configuration.compose import Composed, compose
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Interrupted
from dlrun.runs.history import finished_result
from dlrun.runs.sweeps.jobs import Channel, Ended, Job, Point, Started
from dlrun.runs.sweeps.packing.eligible import Mode
from dlrun.runs.sweeps.rows import row_of_error, row_of_result

if TYPE_CHECKING:
    from dlrun.runs.run import Session
    from dlrun.tasks.progress import Listener
    from dlrun.training.loading import Given
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
            channel.report(Started(point.number, job.device or "", f"process {os.getpid()}"))
            try:
                row = row_of_result(point.number, point.overrides, self._train(point, job, channel), point.folder)
                row = dataclasses.replace(row, device=job.device or row.device)
            except Interrupted as error:
                channel.report(Ended(row_of_error(point.number, point.overrides, error, point.folder)))
                if channel.stop_reason(point.number) is None:  # a signal, which stops the sweep
                    raise
                continue
            except Exception as error:  # noqa: BLE001 - a bug at one point must not hide the results of the others
                row = row_of_error(point.number, point.overrides, error, point.folder)
            channel.report(Ended(row))

    def silenced(self) -> PointRunner:
        """Return the same, which shows nothing on a console."""
        return dataclasses.replace(self, quiet=True)

    def composed(self, job: Job) -> Job:
        """Return the job with its points composed, so that no other process needs to.

        A point that cannot be composed stays as it is: the error is its row.
        """
        catalog = _catalog_of(tuple(self.plugins), tuple(self.config_dirs))
        points = []
        for point in job.points:
            try:
                points.append(dataclasses.replace(point, composed=point.composed or compose(point.plan, catalog)))
            except ConfigError:
                points.append(point)
        return dataclasses.replace(job, points=tuple(points))

    def data_key(self, job: Job) -> str | None:
        """Return what decides the data of a composed job: jobs with the same key may share it; None if unknown."""
        composed = job.points[0].composed
        return None if composed is None else composed.config.data_key

    def preload(self) -> int:
        """Import what every run needs, so that processes forked from this one have it; return how many GPUs there are.

        From then on this process uses one thread and no GPU, since neither survives a fork.
        """
        os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # asking for GPUs must not start CUDA
        import torch

        import dlrun.data.files.named
        import dlrun.report.listeners
        import dlrun.runs.sweeps.measuring
        import dlrun.runs.sweeps.shared_data  # noqa: F401
        from dlrun.runs.environment import versions

        versions()  # which are read once in a process
        torch.set_num_threads(1)  # after dlrun.optim.device has noted torch's own number
        return torch.cuda.device_count()

    def prepare(self, job: Job) -> int:
        """Load the data of a composed job and import its options, for processes forked from this one; return bytes.

        Raises what loading the data raises.
        """
        from dlrun.runs.sweeps import shared_data

        composed, catalog = self._composed_of(job.points[0])
        config = composed.config
        num_bytes = shared_data.keep(config, catalog)
        for choice in (config.model, config.optimizer, config.scheduler, config.loss, *config.loggers):
            catalog.load(choice.group, choice.name)
        return num_bytes

    def _composed_of(self, point: Point) -> tuple[Composed, Catalog]:
        catalog = _catalog_of(tuple(self.plugins), tuple(self.config_dirs))
        return point.composed or compose(point.plan, catalog), catalog

    def _train_pack(self, job: Job, channel: Channel) -> Sequence[Point]:
        """Train the points of a job together; return those that must be trained alone."""
        found = [(point, *self._composed_of(point)) for point in job.points]
        configs = [(point, composed.config) for point, composed, _ in found]
        return train_pack(configs, job, channel, found[0][2], mode=self.pack, quiet=self.quiet)

    def _train(self, point: Point, job: Job, channel: Channel) -> Mapping[str, Any]:
        composed, catalog = self._composed_of(point)
        is_resumed = composed.config.resume != "never"
        finished = finished_result(point.folder, composed.config) if is_resumed else None
        if finished is not None:
            return finished

        hooks = _HooksOfPoint(point, job, channel)
        result, _ = run_one(
            composed, catalog, point.folder, asked=True, quiet=self.quiet, profile=self.profile, hooks=hooks
        )
        return result


class _HooksOfPoint(Hooks):
    """A point is observed by its sweep, and shares data with the other points."""

    def __init__(self, point: Point, job: Job, channel: Channel) -> None:
        self._point, self._job, self._channel = point, job, channel

    def observe(self, session: Session, stop: StopRequest) -> Sequence[Listener]:
        from dlrun.runs.sweeps.measuring import PointListener

        return [PointListener(self._point.number, self._channel, session, stop)]

    def given(self) -> Given:
        from dlrun.runs.sweeps import shared_data
        from dlrun.training.loading import Given

        return Given(shared_data.load, cores=self._job.threads)

    def afar(self) -> Afar:
        return Afar(self._point.number, self._channel, self._job.threads)


@functools.lru_cache(maxsize=8)
def _catalog_of(plugins: tuple[Path, ...], config_dirs: tuple[Path, ...]) -> Catalog:
    return Catalog(plugins=plugins, config_dirs=config_dirs)
