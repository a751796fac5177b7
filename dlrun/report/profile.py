"""`--profile`: where the time of a run goes, by phase, and a trace of some steps for a trace viewer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from dlrun.optim.device import synchronise
from dlrun.storage.atomic import replace_file
from dlrun.tasks.progress import Listener

if TYPE_CHECKING:
    from dlrun.runs.run import Session

TRACED_STEPS = range(20, 40)  # after the first steps, which allocate buffers and choose kernels
_PHASES = ("data", "forward", "backward", "step", "evaluate", "log", "save")
_INSIDE_STEP = ("backward", "sum", "step")  # phases within the task's step


class Profile(Listener):
    """Measures the phases of a session's training; writes `profile.json` and `trace.json` at the end of the run.

    Phases, in seconds: data (fetch batches), forward (the task's step without its updates), backward, step (the
    optimizer), evaluate, log, save (until training continues), and other (the loop itself). Of several processes, the
    first one is measured, and sum is the sum of all their gradients, with the wait for the slowest of them.
    Checkpoints are written by a thread meanwhile; its seconds of work are `writing_seconds`, which cost the loop
    nothing if a core is free. `tracing_seconds`, in which the trace is begun, ended and written, are no part of the
    total: only a measured run has them.
    Each phase waits for the device, or its work would count in a later one: on a GPU, a measured run is slower.
    """

    def __init__(self, session: Session) -> None:
        self._folder = session.run_dir.path
        self._trainer = session.trainer
        self._wait = partial(synchronise, session.trainer.device.torch)
        group = session.trainer.group
        several = () if group.is_alone or group.shards else ("sum",)  # parts are summed within backward
        self._seconds = dict.fromkeys((*_PHASES, *several), 0.0)
        self._inside_step = 0.0  # seconds of other phases within the current step of the task
        self._tracing = 0.0
        self._calls = 0
        self._tracer: Any = None
        self._started = time.perf_counter()
        session.trainer.instrument(self._measured)

    def _measured(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function of a phase, with its time added to the phase."""
        if phase == "train_step":
            return self._measured_train_step(function)

        def measured(*args: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                self._wait()
                spent = time.perf_counter() - started
                self._seconds[phase] += spent
                if phase in _INSIDE_STEP:
                    self._inside_step += spent

        return measured

    def _measured_train_step(self, train_step: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any) -> Any:
            self._trace()
            self._calls += 1
            self._inside_step = 0.0
            started = time.perf_counter()
            found = train_step(*args)
            self._wait()
            self._seconds["forward"] += time.perf_counter() - started - self._inside_step
            return found

        return measured

    def _trace(self) -> None:
        """Start or stop tracing, depending on the number of steps so far."""
        if self._calls == TRACED_STEPS.start:
            started = time.perf_counter()
            self._tracer = torch.profiler.profile(acc_events=True)  # it warns of cycles otherwise; there is one
            self._tracer.start()
            self._tracing += time.perf_counter() - started
        elif self._calls == TRACED_STEPS.stop:
            self._write_trace()

    def _write_trace(self) -> None:
        if self._tracer is not None:
            started = time.perf_counter()
            self._tracer.stop()
            self._tracer.export_chrome_trace(str(self._folder / "trace.json"))
            self._tracer = None
            self._tracing += time.perf_counter() - started

    def on_end(self, result: Mapping[str, Any]) -> None:
        self._write_trace()
        total = time.perf_counter() - self._started - self._tracing
        seconds = {**self._seconds, "other": total - sum(self._seconds.values())}
        profile = {
            "seconds": {phase: round(spent, 6) for phase, spent in seconds.items()},
            "share": {phase: round(spent / total, 4) for phase, spent in seconds.items()},
            "total_seconds": round(total, 6),
            "tracing_seconds": round(self._tracing, 6),
            "writing_seconds": round(self._trainer.saver.write_seconds, 6),
            "steps": self._trainer.progress.step,
        }
        replace_file(self._folder / "profile.json", (json.dumps(profile, indent=2) + "\n").encode())


def table(profile: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows of a profile, the longest phase first."""
    ordered = sorted(profile["seconds"].items(), key=lambda entry: -entry[1])
    rows = [[phase, f"{spent:.3f}", f"{profile['share'][phase]:.1%}"] for phase, spent in ordered]
    return ["phase", "seconds", "share"], rows
