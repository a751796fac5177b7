"""`launch.engine=ray`: tasks of a Ray cluster."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from dlrun.configuration.sweeps.cluster import RaySettings
from dlrun.data.files.optional import import_optional
from dlrun.runs.sweeps.engines.cluster.backend import refused
from dlrun.runs.sweeps.engines.cluster.node_job import NodeJob
from dlrun.runs.sweeps.engines.cluster.probe import Findings, Probe

SETTING = "launch.engine=ray"
_MOST_PROBES = 64  # machines that are looked at before the first point


class Ray:
    """A Backend: tasks that Ray schedules by the CPUs, GPUs and memory that they ask for."""

    setting = SETTING
    poll_s = 0.2
    late_s = 5.0
    grace_s = 60.0

    def __init__(self, settings: RaySettings, *, jobs: int | None) -> None:
        """jobs: how many are submitted at once; None: as many as the cluster's resources hold."""
        self._settings, self._jobs = settings, jobs
        self.capacity = jobs or 1
        self.threads = max(1, int(settings.cpus))
        self._ray: Any = None
        self._is_ours = False  # whether leaving disconnects
        self._endings: dict[Any, str] = {}
        self._output = contextlib.ExitStack()

    def open(self, folder: Path) -> None:
        """Connect to the cluster. Raises ConfigError if Ray is missing or the cluster cannot be reached."""
        del folder
        ray = self._ray = import_optional("ray", extra="ray", needed_by=SETTING)
        self._output.enter_context(contextlib.redirect_stdout(sys.stderr))  # where Ray prints that a worker died
        if not ray.is_initialized():
            address = self._settings.address
            options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
            try:
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
            except (ConnectionError, RuntimeError, ValueError) as error:
                what = f"No Ray cluster can be reached at launch.ray.address={address}: {' '.join(str(error).split())}"
                hint = "Start one (ray start --head), name its address, or try it with launch.ray.address=local."
                raise refused(SETTING, f"{what}\n      {hint}") from error
            self._is_ours = True
        self.capacity = self._jobs or max(1, self._fitting(ray.cluster_resources()))

    def close(self) -> None:
        """Disconnect; a cluster that was started for the sweep ends."""
        if self._is_ours:
            self._ray.shutdown()
            self._is_ours = False
        self._output.close()

    def start_probes(self, probe: Probe) -> Sequence[Any]:
        """Start a probe on every machine of the cluster that has what a job asks for."""
        strategies = import_optional("ray.util.scheduling_strategies", extra="ray", needed_by=SETTING)
        nodes = [node for node in self._ray.nodes() if node["Alive"] and self._fitting(node["Resources"])]
        if not nodes:
            have = {name: self._ray.cluster_resources().get(name, 0) for name in self._wanted()}
            raise refused(
                SETTING, f"No machine of the cluster has {self._wanted()} for a job; all together have {have}."
            )
        task = self._ray.remote(_look)
        return [
            task.options(
                num_cpus=0,
                max_retries=0,
                scheduling_strategy=strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            ).remote(probe)
            for node in nodes[:_MOST_PROBES]
        ]

    def result(self, handle: Any) -> Findings:
        """Return what a probe found. Raises ConfigError with what ended it instead."""
        try:
            return cast(Findings, self._ray.get(handle))
        except self._ray.exceptions.RayError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            hint = "Python, Ray and dlrun must be the same on the cluster's machines."
            what = ["The task that looks at a machine failed:", *lines[-12:], hint]
            raise refused(SETTING, "\n        ".join(what)) from error

    def submit(self, jobs: Sequence[NodeJob]) -> Sequence[Any]:
        """Submit tasks. Ray does not repeat them: the sweep does, from their checkpoints."""
        settings = self._settings
        memory = None if settings.memory_gb is None else int(settings.memory_gb * 2**30)
        task = self._ray.remote(_run).options(
            num_cpus=settings.cpus, num_gpus=settings.gpus, memory=memory, max_retries=0, name="dlrun"
        )
        return [task.remote(job) for job in jobs]

    def ending(self, handle: Any) -> str | None:
        """Return how a task ended, or None while it waits or runs."""
        if handle not in self._endings:
            done, _ = self._ray.wait([handle], timeout=0)
            if not done:
                return None
            self._endings[handle] = self._how(handle)
        return self._endings[handle]

    def cancel(self, handles: Sequence[Any]) -> None:
        """Ask tasks that run to stop as Ctrl-C does; those that wait are dropped."""
        for handle in handles:
            self._ray.cancel(handle, force=False)

    def _how(self, handle: Any) -> str:
        try:
            self._ray.get(handle)
        except self._ray.exceptions.RayError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            is_ours = isinstance(error, self._ray.exceptions.RayTaskError)  # a traceback, whose last line says what
            told = "" if not lines else f": {lines[-1] if is_ours else lines[0]}"
            return f"its Ray task ended ({type(error).__name__}){told}"
        return "its Ray task ended"

    def _wanted(self) -> dict[str, float]:
        memory = 0.0 if self._settings.memory_gb is None else self._settings.memory_gb * 2**30
        wanted = {"CPU": self._settings.cpus, "GPU": self._settings.gpus, "memory": memory}
        return {name: value for name, value in wanted.items() if value}

    def _fitting(self, resources: dict[str, float]) -> int:
        """Return how many jobs fit into resources at once."""
        return min((int(resources.get(name, 0) / value) for name, value in self._wanted().items()), default=1)


def _run(job: NodeJob) -> None:
    job("a Ray task")


def _look(probe: Probe) -> Findings:
    return probe()
