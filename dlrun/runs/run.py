"""One run from its configuration to its result: build, train, test the best checkpoint, write everything down."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.yaml_text import to_yaml
from dlrun.errors import DivergedError, DlrunError, Interrupted, StorageError
from dlrun.optim.ema import WeightAverage
from dlrun.optim.finite import NotFinite
from dlrun.optim.updater import Updater
from dlrun.runs import environment
from dlrun.runs import resume as resuming
from dlrun.runs.result import result
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.storage.run_dir import RunDir
from dlrun.tasks.progress import Listener, Progress, RunningMeans
from dlrun.training import state as train_state
from dlrun.training.build import Components, build_components, build_optimizers, build_schedule
from dlrun.training.divergence import explain
from dlrun.training.evaluation import evaluate
from dlrun.training.signals import StopRequest
from dlrun.training.trainer import Outcome, Trainer
from dlrun.wording import duration


@dataclass(frozen=True)
class Session:
    """A run about to start: its parts and its trainer, for those who show it."""

    config: RunConfig
    components: Components
    trainer: Trainer
    run_dir: RunDir
    resumed_from: int | None
    notices: Sequence[str]


Watch = Callable[[Session], Sequence[Listener]]
"""Given a session, the listeners that are to watch it."""


def train(config: RunConfig, catalog: Catalog, run_dir: RunDir, *, stop: StopRequest, watch: Watch) -> dict[str, Any]:
    """Train, test and write `result.json`; returns the result.

    Raises the DlrunError that ended the run, after writing a result that says so.
    """
    started = time.perf_counter()
    stop.raise_if_requested()
    with stop.at_once():  # nothing is written yet
        components = build_components(config, catalog)
        components.task.prepare(components.data)
    run_dir.clean()
    metrics_file = run_dir.path / "metrics.jsonl"
    store = CheckpointStore(run_dir.checkpoints, keep=config.checkpoint.keep, sync_before=(metrics_file,))
    run = _Run(config, catalog, components, store, run_dir, stop)
    listeners: list[Listener] = []
    trainer, resumed_from, notices = run.trainer(listeners)  # what is refused here leaves the folder as it is
    listeners.extend(watch(Session(config, components, trainer, run_dir, resumed_from, notices)))
    run_dir.write_config(to_yaml({**config.tree, "resume": "never"}))  # going on is no part of what it is

    def ended(status: str, *, metrics: dict[str, float], error: str | None = None) -> dict[str, Any]:
        seconds = run.seconds_before + time.perf_counter() - started
        found = run.result(status, seconds=seconds, metrics=metrics, error=error)
        failures = []
        for tell in (run_dir.write_result, *(listener.on_end for listener in listeners)):
            try:
                tell(found)
            except StorageError as failure:  # the others are told all the same
                failures.append(failure)
        if failures:
            raise failures[0]
        return found

    try:
        if _fit(trainer, repro=run_dir.path / "repro") == "out of time":
            spent, step = duration(config.trainer.max_time_s or 0.0), trainer.progress.step
            stopped = f"Stopped at step {step} after {spent} (trainer.max_time); dlrun resume goes on."
            return ended("interrupted", metrics={}, error=stopped)
        metrics = run.final_metrics(trainer)
    except DlrunError as error:
        status = {DivergedError: "diverged", Interrupted: "interrupted"}.get(type(error), "failed")
        try:
            ended(status, metrics={}, error=str(error))
        except StorageError as failure:
            raise StorageError(f"{error}\n{failure}") from error
        raise
    return ended("completed", metrics=metrics)


def _fit(trainer: Trainer, *, repro: Path) -> Outcome:
    """Train to the end.

    Raises what `Trainer.fit` does; a number that is not finite is explained.
    """
    try:
        return trainer.fit()
    except NotFinite:
        raise explain(trainer, repro=repro) from None


def build_state(config: RunConfig, catalog: Catalog, components: Components) -> train_state.TrainingState:
    """All that training changes, as it is before the first step."""
    optimizers = build_optimizers(components.task, config, catalog)
    return train_state.TrainingState(
        components.task,
        Updater(optimizers, device=components.device, clip_norm=config.trainer.clip_norm),
        build_schedule(config, catalog, len(components.data.train)),
        RunningMeans(on_cpu=components.device.is_cpu),
        None if config.trainer.ema is None else WeightAverage(components.task.weights(), decay=config.trainer.ema),
    )


class _Run:
    """What training and its result need to know of one run."""

    def __init__(
        self,
        config: RunConfig,
        catalog: Catalog,
        components: Components,
        store: CheckpointStore,
        run_dir: RunDir,
        stop: StopRequest,
    ) -> None:
        self._config, self._catalog, self._components = config, catalog, components
        self._store, self._run_dir, self._stop = store, run_dir, stop
        self._environment = environment.decisive(components.device.threads, str(components.device.torch))
        self._progress = Progress()
        self.seconds_before = 0.0  # of the run that this one goes on from

    def trainer(self, listeners: Sequence[Listener]) -> tuple[Trainer, int | None, list[str]]:
        """The trainer, standing where the newest whole checkpoint left it, if there is one."""
        config, components = self._config, self._components
        state = build_state(config, self._catalog, components)
        snapshot, notices = None, [*components.data.notices]
        if self._run_dir.holds_run:
            notices += self._store.recover()
            snapshot, complaints = self._store.load_newest()
            notices += complaints
        if snapshot is not None:
            before = snapshot.values["about"]
            mid_epoch = bool(snapshot.values["progress"]["batch"])
            resuming.check_same(before, config, components, mid_epoch=mid_epoch)
            notices += resuming.changed_environment(before["environment"], self._environment)
        if self._run_dir.holds_run:
            aside = self._store.set_aside_newer(-1 if snapshot is None else snapshot.step)
            notices += [f"{path} is damaged and kept for inspection." for path in aside]
        if snapshot is not None:
            state = train_state.restore(snapshot, state)
            self._store.repoint(snapshot)
            self._store.prune(best=snapshot.best_step)  # a kill may have come before old ones were removed
            self.seconds_before = state.progress.total_seconds
        self._progress = state.progress
        if config.device_settings.compile:
            components.task.compile()
        trainer = Trainer(
            config,
            components,
            state,
            store=self._store,
            metadata=resuming.about(config, components, self._environment),
            listeners=listeners,
            stop=self._stop,
        )
        return trainer, None if snapshot is None else snapshot.step, notices

    def result(
        self, status: str, *, seconds: float, metrics: dict[str, float], error: str | None = None
    ) -> dict[str, Any]:
        """`result.json`."""
        return result(
            status,
            config=self._config,
            components=self._components,
            progress=self._progress,
            metrics=metrics,
            environment=self._environment,
            seconds=seconds,
            error=error,
        )

    def final_metrics(self, trainer: Trainer) -> dict[str, float]:
        """Metrics of the best checkpoint on the rows held out."""
        components, started = self._components, time.perf_counter()
        train_state.load_weights(components.task, self._store.load_best())
        metrics = {}
        held_out = [name for name in ("val", "test") if name in components.data.sizes]
        for name in held_out or ["train"]:  # no held-out split: report training metrics
            found = evaluate(
                components.task,
                components.data.split(name),
                device=components.device,
                batch_size=self._config.trainer.eval_batch_size,
                before_batch=lambda: self._stop.raise_if_requested("Stopped while testing; the trained run is saved."),
            )
            metrics.update({f"{name}/{metric}": value for metric, value in found.items()})
        trainer.progress.eval_seconds += time.perf_counter() - started
        return metrics


def evaluate_run(config: RunConfig, catalog: Catalog, folder: Path, *, split: str) -> dict[str, float]:
    """Metrics of a run's best checkpoint on one split."""
    store = CheckpointStore(folder / "checkpoints")
    snapshot = store.load_best()
    components = build_components(config, catalog)
    if snapshot.values["about"]["fingerprint"] != components.data.fingerprint:
        raise StorageError(f"{folder}: the data is not what this run was trained on (its fingerprint differs).")
    components.task.prepare(components.data)
    train_state.load_weights(components.task, snapshot)
    found = evaluate(
        components.task,
        components.data.split(split),
        device=components.device,
        batch_size=config.trainer.eval_batch_size,
    )
    return {f"{split}/{metric}": value for metric, value in found.items()}
