"""`--profile`: where the time of a run goes, by phase, and a trace of some steps for a trace viewer.

The live objects of one run are wrapped from outside, so that a run without it pays nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from dlrun.data.spec import Batch
from dlrun.storage.atomic import replace_file
from dlrun.tasks.progress import Listener

if TYPE_CHECKING:
    from dlrun.runs.run import Session

TRACED_STEPS = range(20, 40)  # after the first steps, which make buffers and find kernels


class Profile(Listener):
    """Times the phases of a session's training; writes `profile.json` and `trace.json` when the run ends.

    Phases, in seconds: data (fetching batches), forward (the task's step without its updates), backward, step (the
    optimizer), evaluate, log, save (what the loop waits for), and other (the loop). Beside it checkpoints are written,
    by a thread whose seconds of work are told apart: where cores are free they cost the loop nothing.
    """

    def __init__(self, session: Session) -> None:
        self._folder = session.run_dir.path
        self._progress = session.trainer.progress
        self._seconds = dict.fromkeys(("data", "forward", "backward", "step", "evaluate", "log", "save"), 0.0)
        self._writing = 0.0  # seconds of work of the thread that writes checkpoints
        self._inside_update = 0.0
        self._calls = 0
        self._tracer: Any = None
        self._started = time.perf_counter()
        trainer = session.trainer
        trainer._loader.epoch = self._timed_batches(trainer._loader.epoch)  # type: ignore[method-assign]
        recorder = trainer.recorder
        recorder.save = self._timed("save", recorder.save)  # type: ignore[method-assign]
        recorder.evaluate = self._timed("evaluate", recorder.evaluate)  # type: ignore[method-assign]
        recorder.log = self._timed("log", recorder.log)  # type: ignore[method-assign]
        recorder.saver._write = self._worked(recorder.saver._write)  # type: ignore[method-assign]
        trainer.updater._gradients = self._timed("backward", trainer.updater._gradients)  # type: ignore[method-assign]
        steps = trainer.updater._steps
        steps.update({name: self._timed("step", step) for name, step in steps.items()})
        trainer.task.train_step = self._timed_step(trainer.task.train_step)  # type: ignore[method-assign]

    def _timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                spent = time.perf_counter() - started
                self._seconds[phase] += spent
                if phase in ("backward", "step"):
                    self._inside_update += spent

        return timed

    def _worked(self, write: Callable[..., None]) -> Callable[..., None]:
        def worked(*args: Any) -> None:
            started = time.thread_time()
            write(*args)
            self._writing += time.thread_time() - started

        return worked

    def _timed_batches(self, epoch: Callable[..., Iterator[Batch]]) -> Callable[..., Iterator[Batch]]:
        def batches(*args: Any, **options: Any) -> Iterator[Batch]:
            found = epoch(*args, **options)
            while True:
                started = time.perf_counter()
                batch = next(found, None)
                self._seconds["data"] += time.perf_counter() - started
                if batch is None:
                    return
                yield batch

        return batches

    def _timed_step(self, train_step: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            self._trace()
            self._calls += 1
            self._inside_update = 0.0
            started = time.perf_counter()
            found = train_step(*args, **options)
            self._seconds["forward"] += time.perf_counter() - started - self._inside_update
            return found

        return timed

    def _trace(self) -> None:
        """Start or stop tracing, by the number of steps so far."""
        if self._calls == TRACED_STEPS.start:
            self._tracer = torch.profiler.profile()
            self._tracer.start()
        elif self._calls == TRACED_STEPS.stop:
            self._write_trace()

    def _write_trace(self) -> None:
        if self._tracer is not None:
            self._tracer.stop()
            self._tracer.export_chrome_trace(str(self._folder / "trace.json"))
            self._tracer = None

    def on_end(self, result: Mapping[str, Any]) -> None:
        self._write_trace()
        total = time.perf_counter() - self._started
        seconds = {**self._seconds, "other": total - sum(self._seconds.values())}
        profile = {
            "seconds": {phase: round(spent, 6) for phase, spent in seconds.items()},
            "share": {phase: round(spent / total, 4) for phase, spent in seconds.items()},
            "total_seconds": round(total, 6),
            "writing_seconds": round(self._writing, 6),
            "steps": self._progress.step,
        }
        replace_file(self._folder / "profile.json", (json.dumps(profile, indent=2) + "\n").encode())


def table(profile: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of a profile, most time first."""
    ordered = sorted(profile["seconds"].items(), key=lambda entry: -entry[1])
    rows = [[phase, f"{spent:.3f}", f"{profile['share'][phase]:.1%}"] for phase, spent in ordered]
    return ["phase", "seconds", "share"], rows
