"""The engine of a sweep, by `launch.*`."""

from __future__ import annotations

from dlrun.configuration.sweeps.settings import LaunchSettings
from dlrun.runs.sweeps.engines.engine import Engine
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.jobs import RunJob


def choose_engine(settings: LaunchSettings, run_job: RunJob) -> Engine:
    """Return the engine that runs the points."""
    del settings
    return InProcess(run_job)
