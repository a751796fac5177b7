"""`launch.engine=submitit`: jobs of a SLURM cluster, or of submitit's own processes on this machine."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from dlrun.configuration.sweeps.cluster import SlurmSettings
from dlrun.data.files.optional import import_optional
from dlrun.runs.sweeps.engines.cluster.backend import refused
from dlrun.runs.sweeps.engines.cluster.node_job import NodeJob
from dlrun.runs.sweeps.engines.cluster.probe import Findings, Probe

SETTING = "launch.engine=submitit"
_MOST_JOBS = 256  # in SLURM's queue at once, if launch.jobs does not say
_QUEUE_AGE_S = 15.0  # between two questions to SLURM's controller
_WARNING_S = 90  # before a job's time is up: it is told to save
_ALIVE = (
    "PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING", "RESIZING", "REQUEUED", "REQUEUE_FED",
    "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD", "SIGNALING", "STAGE_OUT", "STOPPED",
)  # fmt: skip
_PROBE_MIN = 5  # minutes; a short job starts sooner
_LOG_LINES = 12
_LOCAL_END_S = 30.0  # how long a process of this machine may take to save and end


class Submitit:
    """A Backend: submitit's executor for SLURM, or its local one."""

    setting = SETTING
    grace_s = 90.0

    def __init__(self, settings: SlurmSettings, *, jobs: int | None) -> None:
        """jobs: how many are in the queue at once; None: 256 on SLURM, the machine's cores locally."""
        self._settings = settings
        self._is_local = settings.cluster == "local"
        self.poll_s, self.late_s = (0.1, 0.5) if self._is_local else (1.0, 20.0)
        self.capacity = jobs or ((os.cpu_count() or 1) if self._is_local else _MOST_JOBS)
        self.threads = settings.cpus_per_task
        self._submitit: Any = None
        self._executor: Any = None
        self._handles: list[Any] = []  # of every job
        self._states: dict[str, str] = {}  # of each job that SLURM lists, such as RUNNING
        self._asked_at = -_QUEUE_AGE_S

    def open(self, folder: Path) -> None:
        """Make the executor. Raises ConfigError if submitit or SLURM is missing, or a setting is refused."""
        self._submitit = import_optional("submitit", extra="submitit", needed_by=SETTING)
        cluster = "local" if self._is_local else "slurm"
        if not self._is_local and self._submitit.AutoExecutor.which() != "slurm":
            what = "There is no SLURM on this machine: srun is not found. Start the sweep where jobs are submitted, or"
            raise refused(SETTING, f"{what} try it on this machine alone with launch.slurm.cluster=local.")
        self._executor = self._submitit.AutoExecutor(folder=str(folder / "%j"), cluster=cluster)
        self._update(self._settings.timeout_min)

    def close(self) -> None:
        """Wait for processes of this machine that are about to end; jobs of a cluster live on their own."""
        deadline = time.monotonic() + (_LOCAL_END_S if self._is_local else 0.0)
        while self._is_local and time.monotonic() < deadline and not all(each.done() for each in self._handles):
            time.sleep(self.poll_s)

    def start_probes(self, probe: Probe) -> Sequence[Any]:
        """Start a probe on the machine that SLURM chooses; it has the same claims as a job, but for its time."""
        self._update(min(self._settings.timeout_min, _PROBE_MIN))
        handles = self._submit([probe])
        self._update(self._settings.timeout_min)
        return handles

    def result(self, handle: Any) -> Findings:
        """Return what a probe found. Raises ConfigError with the end of its log if it failed."""
        deadline = time.monotonic() + self.late_s
        while not handle.paths.result_pickle.exists() and time.monotonic() < deadline:
            time.sleep(self.poll_s)
        try:
            if handle.paths.result_pickle.exists():
                return cast(Findings, handle.result())
            told = handle.stderr() or "It wrote neither a result nor a log: is the sweep's folder on a shared disk?"
        except self._submitit.core.utils.FailedJobError as error:
            told = str(error).partition("\n----------------------\nYou can check")[0]  # its log is removed, too
        lines = [line for line in told.splitlines() if line.strip()]
        what = f"The job that looks at a machine failed ({handle.job_id}):"
        hint = "Python, dlrun and the sweep's folder must be the same on the cluster's machines."
        raise refused(SETTING, "\n        ".join([what, *lines[-_LOG_LINES:], hint]))

    def submit(self, jobs: Sequence[NodeJob]) -> Sequence[Any]:
        """Submit jobs; several of them as one array. Raises ConfigError if SLURM refuses them."""
        return self._submit(jobs)

    def ending(self, handle: Any) -> str | None:
        """Return how a job ended, with the last line of its log; None while SLURM lists it as alive."""
        if self._is_local:
            if not handle.done():
                return None
            state = handle.state
        else:
            has_result = handle.paths.result_pickle.exists()
            state = "COMPLETED" if has_result else self._state(str(handle.job_id))
            if state in _ALIVE:
                return None
        return f"job {handle.job_id} ended ({state}){_last_line(handle)}"

    def cancel(self, handles: Sequence[Any]) -> None:
        """Send SIGTERM to jobs that run, and take the others out of the queue."""
        left = [str(handle.job_id) for handle in handles if self.ending(handle) is None]
        if not left:
            return
        if self._is_local:
            for each in left:  # the id of the process that starts the job's, and passes the signal on
                os.kill(int(each), signal.SIGTERM)
        else:  # a job that has just ended is an error to scancel
            subprocess.run(["scancel", *left], check=False, capture_output=True)

    def _update(self, timeout_min: int) -> None:
        settings = self._settings
        common: dict[str, Any] = {"timeout_min": timeout_min, "gpus_per_node": settings.gpus_per_node}
        if not self._is_local:
            common |= {
                "name": "dlrun",
                "cpus_per_task": settings.cpus_per_task,
                "mem_gb": settings.mem_gb,
                "slurm_partition": settings.partition,
                "slurm_account": settings.account,
                "slurm_qos": settings.qos,
                "slurm_constraint": settings.constraint,
                "slurm_setup": settings.setup or None,
                "slurm_signal_delay_s": min(_WARNING_S, timeout_min * 60 // 3),
                # The sweep submits a lost point again itself: a job that SLURM queued again too would run it twice.
                "slurm_additional_parameters": {"no_requeue": True, **settings.extra},
            }
            common["gpus_per_node"] = settings.gpus_per_node or None
        self._executor.update_parameters(**common)

    def _submit(self, functions: Sequence[Any]) -> list[Any]:
        try:
            with _without_sigint():
                handles = list(self._executor.submit_array(functions))
        except self._submitit.core.utils.FailedJobError as error:
            raise refused(SETTING, f"SLURM refuses the job: {' '.join(str(error).split())}") from error
        except FileNotFoundError as error:
            raise refused(SETTING, f"sbatch cannot be started: {error}") from error
        self._handles += handles
        self._states |= {str(handle.job_id): "PENDING" for handle in handles}
        return handles

    def _state(self, job_id: str) -> str:
        """Return a job's state as SLURM lists it; as it was last listed while SLURM's controller does not answer."""
        if time.monotonic() - self._asked_at >= _QUEUE_AGE_S:
            self._asked_at = time.monotonic()
            command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T", "--user", getpass.getuser()]
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            if answer.returncode == 0:
                self._states = dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())
        return self._states.get(job_id, "not listed any more")


def _last_line(handle: Any) -> str:
    """Return the last line that a job wrote to its log, to be appended to a message."""
    lines = [line.strip() for line in (handle.stderr() or "").splitlines() if line.strip()]
    return f": {lines[-1]}" if lines else ""


@contextmanager
def _without_sigint() -> Iterator[None]:
    """A block whose child processes never get Ctrl-C from the terminal: the sweep asks them to stop, in order."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
