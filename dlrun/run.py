"""One run from its configuration to its result: build, train, test the best checkpoint, write everything down."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dlrun import checks, device, environment, train_state
from dlrun.checkpoint import CheckpointStore
from dlrun.config import RunConfig
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.spec import DataSpec
from dlrun.device import Device
from dlrun.errors import ConfigError, DivergedError, DlrunError, Interrupted, Problem, StorageError, did_you_mean
from dlrun.events import Listener
from dlrun.optimizing import build_optimizers
from dlrun.progress import Progress, RunningMeans
from dlrun.registry import Catalog
from dlrun.report.yaml_text import to_yaml
from dlrun.run_dir import RunDir
from dlrun.schedule import Schedule, WarmUp
from dlrun.signals import StopRequest
from dlrun.task import SupervisedTask, Task, count_parameters
from dlrun.trainer import Trainer, evaluate, horizon
from dlrun.updater import Updater


@dataclass(frozen=True)
class Parts:
    """What a configuration builds: the device, the data on it, and the task."""

    device: Device
    data: DataBundle
    task: Task
    metric: str
    num_parameters: int


def build_parts(config: RunConfig, catalog: Catalog) -> Parts:
    """Set up the device, read the data and build the model.

    Raises ConfigError or DataError, in the user's words, for whatever cannot be trained.
    """
    chosen = device.set_up(config)
    source = _call(catalog, "dataset", config.dataset.name, **config.dataset.arguments)
    data = prepare(config.dataset.name, source, config.data).to(chosen.torch)
    device.seed_everything(config.seed)  # weights do not depend on what reading the data drew
    task = build_task(config, catalog, data.spec).to(chosen.torch)
    checks.check_task(task, data, config)
    return Parts(chosen, data, task, _metric(config, task), count_parameters(task))


def build_task(config: RunConfig, catalog: Catalog, spec: DataSpec) -> Task:
    """The model for data of this kind, together with its loss.

    Raises ConfigError for a model or loss that does not fit the data.
    """
    model = _call(catalog, "model", config.model.name, spec, **config.model.arguments)
    if isinstance(model, Task):
        if config.loss.name != "auto":
            raise ConfigError(
                Problem(
                    f"loss={config.loss.name}",
                    f"The model {config.model.name} has losses of its own; use loss=auto.",
                )
            )
        task = model
    else:
        task = SupervisedTask(model, _call(catalog, "loss", config.loss.name, spec, **config.loss.arguments), spec)
    if not count_parameters(task):
        raise ConfigError(Problem(f"model={config.model.name}", "The model has no parameters to train."))
    return task


def _call(catalog: Catalog, group: str, name: str, *args: Any, **fields: Any) -> Any:
    """Build an option; a mistake inside a user's own file is told as theirs."""
    function = catalog.load(group, name)
    try:
        return function(*args, **fields)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ConfigError(Problem(f"{group}={name}", f"Building it failed: {type(error).__name__}: {error}")) from error


def _metric(config: RunConfig, task: Task) -> str:
    if config.metric == "auto":
        return task.default_metric
    name = config.metric.removeprefix("val/")
    if name not in task.metrics:
        raise ConfigError(
            Problem(f"metric={config.metric}", f"This task has no such metric. {did_you_mean(name, task.metrics)}")
        )
    return name


def build_schedule(config: RunConfig, catalog: Catalog, num_train: int) -> Schedule:
    """The learning rate's schedule, after its warm-up."""
    warmup = config.scheduling.warmup_steps
    inner: Schedule = _call(
        catalog,
        "scheduler",
        config.scheduler.name,
        horizon(num_train, config.trainer, warmup_steps=warmup),
        **config.scheduler.arguments,
    )
    return WarmUp(inner, warmup) if warmup else inner


@dataclass(frozen=True)
class Session:
    """A run about to start: its parts and its trainer, for those who show it."""

    config: RunConfig
    parts: Parts
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
    parts = build_parts(config, catalog)
    store = CheckpointStore(run_dir.checkpoints, keep=config.checkpoint.keep)
    run = _Run(config, catalog, parts, store, run_dir, stop)
    listeners: list[Listener] = []
    trainer, resumed_from, notices = run.trainer(listeners)  # what is refused here leaves the folder as it is
    listeners.extend(watch(Session(config, parts, trainer, run_dir, resumed_from, [*parts.data.notices, *notices])))
    run_dir.write_config(to_yaml(config.tree))
    try:
        trainer.fit()
        result = run.result("completed", trainer, time.perf_counter() - started)
    except DlrunError as error:
        status = {DivergedError: "diverged", Interrupted: "interrupted"}.get(type(error), "failed")
        result = run.result(status, None, time.perf_counter() - started, error=str(error))
        _finish(run_dir, result, listeners)
        raise
    _finish(run_dir, result, listeners)
    return result


def _finish(run_dir: RunDir, result: dict[str, Any], listeners: Sequence[Listener]) -> None:
    run_dir.write_result(result)
    for listener in listeners:
        listener.on_end(result)


class _Run:
    """What training and its result need to know of one run."""

    def __init__(
        self,
        config: RunConfig,
        catalog: Catalog,
        parts: Parts,
        store: CheckpointStore,
        run_dir: RunDir,
        stop: StopRequest,
    ) -> None:
        self._config, self._catalog, self._parts = config, catalog, parts
        self._store, self._run_dir, self._stop = store, run_dir, stop
        self._environment = environment.decisive(parts.device.threads, str(parts.device.torch))
        self._progress = Progress()
        self._seconds_before = 0.0  # of the run that this one goes on from

    def trainer(self, listeners: Sequence[Listener]) -> tuple[Trainer, int | None, list[str]]:
        """The trainer, standing where the newest whole checkpoint left it, if there is one."""
        config, parts = self._config, self._parts
        updater = Updater(
            build_optimizers(parts.task, config, self._catalog), device=parts.device, clip_norm=config.trainer.clip_norm
        )
        schedule = build_schedule(config, self._catalog, len(parts.data.train))
        means = RunningMeans(on_cpu=parts.device.is_cpu)
        snapshot, notices = self._store.load_newest() if self._run_dir.holds_run else (None, [])
        parts.task.prepare(parts.data)
        if snapshot is not None:
            self._check_same(snapshot.values["about"])
            notices += self._changed_environment(snapshot.values["about"])
            notices += [
                f"{path} is damaged and kept for inspection." for path in self._store.set_aside_newer(snapshot.step)
            ]
            self._progress = train_state.restore(snapshot, parts.task, updater, schedule, means)
            self._seconds_before = self._progress.total_seconds
        if config.device.compile:
            parts.task.compile()
        trainer = Trainer(
            task=parts.task,
            data=parts.data,
            device=parts.device,
            updater=updater,
            schedule=schedule,
            settings=config.trainer,
            checkpointing=config.checkpoint,
            store=self._store,
            metric=parts.metric,
            seed=config.seed,
            augment=config.data.augment,
            progress=self._progress,
            means=means,
            listeners=listeners,
            stop=self._stop,
            about={
                "model": config.tree["model"],
                "optimizer": config.optimizer.name,
                "fingerprint": parts.data.fingerprint,
                "environment": self._environment,
                "dataset": config.dataset.name,
                "spec": parts.data.spec.state(),
                "encoder": None if parts.data.encoder is None else parts.data.encoder.state(),
            },
        )
        return trainer, None if snapshot is None else snapshot.step, notices

    def _check_same(self, about: Mapping[str, Any]) -> None:
        """Refuse to go on with a state that means nothing for this model or data."""
        problems = []
        if about["model"] != self._config.tree["model"]:
            differing = [key for key, value in self._config.tree["model"].items() if about["model"].get(key) != value]
            problems.append(
                Problem(
                    ", ".join(f"model.{key}" for key in differing) or "model",
                    "The checkpoint was written by another model; start a new run instead.",
                )
            )
        if about["optimizer"] != self._config.optimizer.name:
            problems.append(
                Problem(
                    f"optimizer={self._config.optimizer.name}",
                    f"The checkpoint holds the state of {about['optimizer']}; start a new run instead.",
                )
            )
        if about["fingerprint"] != self._parts.data.fingerprint:
            problems.append(
                Problem(
                    f"dataset={self._config.dataset.name}",
                    "The data is not what the checkpoint was trained on (its fingerprint differs).",
                )
            )
        if problems:
            raise ConfigError(problems, title="This run cannot be gone on with")

    def _changed_environment(self, about: Mapping[str, Any]) -> list[str]:
        before = about["environment"]
        changed = [
            f"{key} {before.get(key)} → {value}" for key, value in self._environment.items() if before.get(key) != value
        ]
        if not changed:
            return []
        differing = ", ".join(changed)
        return [f"The environment changed ({differing}): the run goes on, but not bit for bit as it would have there."]

    def result(
        self, status: str, trainer: Trainer | None, seconds: float, *, error: str | None = None
    ) -> dict[str, Any]:
        """`result.json`; with a trainer, its metrics are measured on the best checkpoint."""
        config, parts, progress = self._config, self._parts, self._progress
        metrics = self._final_metrics(trainer) if trainer is not None else {}
        best = progress.best
        return {
            "status": status,
            "error": error,
            "metrics": metrics,
            "best": None
            if best is None
            else {"metric": f"val/{best.metric}", "value": best.value, "epoch": best.epoch, "step": best.step},
            "epochs": progress.epoch,
            "steps": progress.step,
            "samples": progress.samples,
            "seconds": {
                "total": round(self._seconds_before + seconds, 3),
                "train": round(progress.train_seconds, 3),
                "eval": round(progress.eval_seconds, 3),
            },
            "samples_per_second": round(progress.samples / progress.train_seconds, 1)
            if progress.train_seconds
            else None,
            "peak_memory_mib": peak_memory_mib(parts.device.torch),
            "parameters": parts.num_parameters,
            "seed": config.seed,
            "config_sha256": config.sha256,
            "dataset": {
                "name": parts.data.name,
                "fingerprint": parts.data.fingerprint,
                "sizes": dict(parts.data.sizes),
                **({} if parts.data.skipped is None else {"skipped": parts.data.skipped}),
            },
            "environment": self._environment,
        }

    def _final_metrics(self, trainer: Trainer) -> dict[str, float]:
        parts, started = self._parts, time.perf_counter()
        train_state.load_weights(parts.task, self._store.load_best())
        metrics = {}
        held_out = [name for name in ("val", "test") if name in parts.data.sizes]
        for name in held_out or ["train"]:  # without rows held out, what was learnt by heart is all there is to tell
            found = evaluate(
                parts.task, parts.data.split(name), device=parts.device, batch_size=self._config.trainer.eval_batch_size
            )
            metrics.update({f"{name}/{metric}": value for metric, value in found.items()})
        trainer.progress.eval_seconds += time.perf_counter() - started
        return metrics


def evaluate_run(config: RunConfig, catalog: Catalog, folder: Path, *, split: str) -> dict[str, float]:
    """Metrics of a run's best checkpoint on one split."""
    store = CheckpointStore(folder / "checkpoints")
    snapshot = store.load_best()
    parts = build_parts(config, catalog)
    if snapshot.values["about"]["fingerprint"] != parts.data.fingerprint:
        raise StorageError(f"{folder}: the data is not what this run was trained on (its fingerprint differs).")
    parts.task.prepare(parts.data)
    train_state.load_weights(parts.task, snapshot)
    found = evaluate(
        parts.task, parts.data.split(split), device=parts.device, batch_size=config.trainer.eval_batch_size
    )
    return {f"{split}/{metric}": value for metric, value in found.items()}


def peak_memory_mib(where: torch.device) -> float:
    """The most memory this process held so far: of the GPU when it trains there, else of the machine."""
    if where.type == "cuda":
        return round(torch.cuda.max_memory_allocated(where) / 2**20, 1)
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)
