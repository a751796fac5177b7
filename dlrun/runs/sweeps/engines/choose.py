"""The engine of a sweep, by `launch.*`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from dlrun.configuration.plan import Plan
from dlrun.configuration.sweeps.settings import LaunchSettings
from dlrun.errors import ConfigError, Problem
from dlrun.runs.sweeps.engines.cluster.probe import Needs
from dlrun.runs.sweeps.engines.engine import Engine
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.engines.local.capacity import Places, find_places
from dlrun.runs.sweeps.engines.local.engine import Local
from dlrun.runs.sweeps.engines.local.sharing import SharingRunJob

_USES_GPU = ("auto", "cuda")


def choose_engine(
    settings: LaunchSettings,
    run_job: SharingRunJob,
    *,
    num_points: int | None,
    example: Plan,
    needs: Callable[[], Needs],
    in_process: bool = False,
) -> Engine:
    """Return the engine that runs the points.

    Raises ConfigError for several points at once where that is not supported.

    num_points: None if it is not known. example: a point, whose device and threads decide how many fit.
    needs: returns what the points need of a cluster's machines.
    in_process: whether points must stay in this process. So they do with launch.jobs=1, for a debugger.
    """
    if settings.engine != "local":
        return _on_cluster(settings, run_job, needs())
    jobs = settings.jobs if isinstance(settings.jobs, int) else None
    if in_process or jobs == 1 or num_points == 1:
        return InProcess(run_job)
    if sys.platform != "linux":  # elsewhere, a process that has imported torch cannot be forked safely
        if jobs is not None:
            what = f"Several points at once need Linux; this is {sys.platform}. Use launch.jobs=1."
            raise ConfigError(Problem(f"launch.jobs={jobs}", what, fix="launch.jobs=1"))
        return InProcess(run_job)
    threads = example.values().get("device.threads")
    asked = threads.value if threads is not None and isinstance(threads.value, int) else None
    processes = example.values().get("device.processes")
    if processes is not None and isinstance(processes.value, int) and processes.value > 1:
        asked = (asked or 1) * processes.value
    uses_gpu = example.choices().get("device", "auto") in _USES_GPU

    def places(num_cuda: int) -> Places:
        return find_places(jobs, num_cuda=num_cuda if uses_gpu else 0, threads=asked, num_points=num_points)

    return Local(run_job.silenced(), places)


def _on_cluster(settings: LaunchSettings, run_job: SharingRunJob, needs: Needs) -> Engine:
    from dlrun.runs.sweeps.engines.cluster.backend import Backend
    from dlrun.runs.sweeps.engines.cluster.engine import ClusterEngine
    from dlrun.runs.sweeps.engines.cluster.ray_engine import Ray
    from dlrun.runs.sweeps.engines.cluster.submitit_engine import Submitit

    jobs = settings.jobs if isinstance(settings.jobs, int) else None
    use_ray = settings.engine == "ray"
    backend: Backend = Ray(settings.ray, jobs=jobs) if use_ray else Submitit(settings.slurm, jobs=jobs)
    return ClusterEngine(backend, run_job, needs)
