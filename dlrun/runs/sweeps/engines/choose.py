"""The engine of a sweep, by `launch.*`."""

from __future__ import annotations

from collections.abc import Callable

from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.sweeps.settings import LaunchSettings
from dlrun.runs.sweeps.engines.cluster.probe import Needs
from dlrun.runs.sweeps.engines.engine import Engine
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.jobs import RunJob


def choose_engine(settings: LaunchSettings, run_job: RunJob, needs: Callable[[], Needs]) -> Engine:
    """Return the engine that runs the points.

    needs: returns what the points need, for engines that take them to other machines.
    """
    if settings.engine != "local":
        from dlrun.runs.sweeps.engines.cluster.backend import Backend
        from dlrun.runs.sweeps.engines.cluster.engine import ClusterEngine
        from dlrun.runs.sweeps.engines.cluster.ray_engine import Ray
        from dlrun.runs.sweeps.engines.cluster.submitit_engine import Submitit

        jobs = None if settings.jobs == AUTO else settings.jobs
        backend: Backend = (
            Ray(settings.ray, jobs=jobs) if settings.engine == "ray" else Submitit(settings.slurm, jobs=jobs)
        )
        return ClusterEngine(backend, run_job, needs())
    return InProcess(run_job)
