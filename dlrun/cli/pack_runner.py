"""Train the points of a job as one model: composes them, and gives them what a run of its own has."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.cli.notices import tell
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.status_line import silenced
from dlrun.runs.sweeps.jobs import Channel, Job, Point
from dlrun.runs.sweeps.packing.eligible import Mode


def train_pack(
    points: Sequence[tuple[Point, RunConfig]], job: Job, channel: Channel, catalog: Catalog, *, mode: Mode, quiet: bool
) -> Sequence[Point]:
    """Train points together and report the end of each; return those that must be trained alone.

    Raises Interrupted if a signal stopped them, after each was saved and reported.
    """
    from dlrun.training.signals import StopRequest

    with silenced(wanted=quiet), StopRequest() as stop:  # before torch is imported, which takes a second
        from dlrun.report.listeners import make_listeners
        from dlrun.runs.sweeps.packing.loaded_once import LoadedOnce
        from dlrun.runs.sweeps.packing.pack import Pack
        from dlrun.runs.sweeps.shared_data import load
        from dlrun.training.build import build_components
        from dlrun.training.loading import Given

        given = Given(LoadedOnce(load), cores=job.threads)
        pack = Pack(
            channel,
            catalog,
            mode=mode,
            device=job.device or "",
            make_listeners=lambda session: make_listeners(session, catalog, quiet=True),
            stop=stop,
            say=lambda line: tell([line]),  # a notice, which a sweep repeats from its workers
        )
        return pack.train(points, lambda config: build_components(config, catalog, given))
