"""The engine of a sweep, by `launch.*`."""

from __future__ import annotations

from dlrun.configuration.plan import Plan
from dlrun.configuration.sweeps.settings import LaunchSettings
from dlrun.runs.sweeps.engines.engine import Engine
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.engines.local.capacity import Places, find_places
from dlrun.runs.sweeps.engines.local.engine import Local
from dlrun.runs.sweeps.engines.local.nursery import SharingRunJob

_USES_GPU = ("auto", "cuda")


def choose_engine(
    settings: LaunchSettings,
    run_job: SharingRunJob,
    *,
    num_points: int | None,
    example: Plan,
    in_process: bool = False,
) -> Engine:
    """Return the engine that runs the points.

    num_points: None if it is not known. example: a point, whose device and threads decide how many fit.
    in_process: whether points must stay in this process. So they do with launch.jobs=1, for a debugger.
    """
    if in_process or settings.jobs == 1 or num_points == 1:
        return InProcess(run_job)
    jobs = settings.jobs if isinstance(settings.jobs, int) else None
    threads = example.values().get("device.threads")
    asked = threads.value if threads is not None and isinstance(threads.value, int) else None
    uses_gpu = example.choices().get("device", "auto") in _USES_GPU

    def places(num_cuda: int) -> Places:
        return find_places(jobs, num_cuda=num_cuda if uses_gpu else 0, threads=asked, num_points=num_points)

    return Local(run_job.silenced(), places)
