"""One run from its configuration to its result: build, train, test the best checkpoint, write the result."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.user_code import as_mistake
from dlrun.configuration.yaml_text import to_yaml
from dlrun.errors import DivergedError, DlrunError, Interrupted, StorageError
from dlrun.optim.ema import WeightAverage
from dlrun.optim.finite import NotFinite
from dlrun.optim.updater import Updater
from dlrun.runs import environment, resume
from dlrun.runs.alike import check_alike
from dlrun.runs.final import FinalEvaluation
from dlrun.runs.result import make_result
from dlrun.storage.checkpoint_format import load_snapshot, open_snapshot
from dlrun.storage.checkpoints import CheckpointStore, Snapshot, load_best
from dlrun.storage.reading import restoring
from dlrun.storage.run_dir import RunDir
from dlrun.tasks.per_class import ByClass
from dlrun.tasks.progress import Listener, Progress, RunningMeans
from dlrun.training import state as train_state
from dlrun.training.build import Components, build_components, build_optimizers, build_schedule
from dlrun.training.divergence import explain_together
from dlrun.training.evaluation import evaluate
from dlrun.training.loading import ALONE, Given
from dlrun.training.processes.agreement import agreed
from dlrun.training.processes.snapshots import begin_together, best_together
from dlrun.training.signals import StopRequest
from dlrun.training.trainer import Outcome, Trainer
from dlrun.training.turns import long_turns
from dlrun.wording import duration


@dataclass(frozen=True)
class Session:
    """A run about to start: what its listeners need to report it."""

    config: RunConfig
    components: Components
    trainer: Trainer
    run_dir: RunDir
    resumed_from: int | None  # the checkpoint's step
    notices: Sequence[str]


MakeListeners = Callable[[Session], Sequence[Listener]]
"""Return the listeners of a session."""


def train(
    config: RunConfig,
    catalog: Catalog,
    run_dir: RunDir,
    *,
    stop: StopRequest,
    make_listeners: MakeListeners,
    given: Given = ALONE,
) -> dict[str, Any]:
    """Train, test and write `result.json`; return the result.

    given: what the run shares with others.
    Raises the DlrunError that ended the run, after writing a result that contains it.
    """
    started = time.perf_counter()
    stop.raise_if_requested()
    with stop.at_once():  # nothing is written yet
        components = build_components(config, catalog, given)
        config = components.config
        check_alike(components)
        components.task.prepare(components.data)
    run_dir.clean()
    run = Run(config, catalog, components, run_dir, stop, started=started)
    trainer, resumed_from, notices = run.build_trainer()  # an error here leaves the folder as it is
    run.listeners.extend(make_listeners(Session(config, components, trainer, run_dir, resumed_from, notices)))
    run_dir.write_config(to_yaml({**config.tree, "resume": "never"}))  # resuming does not belong to a run's identity
    try:
        if _fit(trainer, repro=run_dir.path / "repro") == "out of time":
            return run.finish_out_of_time()
        metrics, baselines = run.evaluate_best()
    except DlrunError as error:
        run.finish_with(error)
        raise
    except (Exception, SystemExit) as error:
        mistake = as_mistake(error, catalog.plugins)
        if mistake is None:
            raise
        run.finish_with(mistake)
        raise mistake from error
    return run.finish("completed", metrics=metrics, baselines=baselines)


def _fit(trainer: Trainer, *, repro: Path) -> Outcome:
    """Train to the end.

    Raises what `Trainer.fit` raises, but DivergedError, which explains what happened, instead of NotFinite.
    """
    try:
        with long_turns(trainer.device):
            return trainer.fit()
    except NotFinite:
        raise explain_together(trainer, repro=repro) from None


def build_state(config: RunConfig, catalog: Catalog, components: Components) -> train_state.TrainingState:
    """Return everything that training changes, as it is before the first step."""
    shards, decay = components.device.group.shards, config.trainer.ema
    optimizers = build_optimizers(components.task, config, catalog, shards)
    return train_state.TrainingState(
        components.task,
        Updater(optimizers, device=components.device, clip_norm=config.trainer.clip_norm),
        build_schedule(config, catalog, len(components.data.train)),
        RunningMeans(on_cpu=components.device.is_cpu),
        None if decay is None else WeightAverage(components.task.weights(), decay=decay, shards=shards),
    )


class Run:
    """Builds the trainer of one run, from its newest checkpoint if it has one, and writes its result.

    packed: how many points of a sweep are trained as one model with this run; their rounding is not that of one alone.
    """

    def __init__(
        self,
        config: RunConfig,
        catalog: Catalog,
        components: Components,
        run_dir: RunDir,
        stop: StopRequest,
        *,
        started: float,
        packed: int | None = None,
    ) -> None:
        self.listeners: list[Listener] = []  # filled after the trainer is built, since they may need it
        self._config, self._catalog, self._components = config, catalog, components
        self._run_dir, self._started = run_dir, started
        self._stop = agreed(stop, components.device.group)
        metrics_file = run_dir.path / "metrics.jsonl"
        self._store = CheckpointStore(
            run_dir.checkpoints,
            keep=config.checkpoint.keep,
            sync_before=(metrics_file,),
            load=load_snapshot if components.device.group.shards is None else open_snapshot,
        )
        self._environment = environment.collect_numeric(components.device.threads, components.device.torch.type)
        self._packed = {} if packed is None else {"packed": packed}
        self._progress = Progress()
        self._per_class: Mapping[str, ByClass] = {}
        self._seconds_before = 0.0  # of this run before it was resumed

    def build_trainer(self) -> tuple[Trainer, int | None, list[str]]:
        """Return the trainer, the step that it resumes from, if any, and notices for the user.

        Raises ConfigError if the newest checkpoint does not fit the configuration.
        """
        config, components = self._config, self._components
        state = build_state(config, self._catalog, components)
        group = components.device.group
        found: Snapshot | None = None
        notices: list[str] = []
        if group.is_first and self._run_dir.holds_run:
            found, notices = resume.find_checkpoint(self._store, config, components, self._environment)
        state, snapshot = begin_together(found, state, group, folder=self._run_dir.checkpoints)
        if found is not None:
            self._store.repoint(found)
            self._store.prune(best=found.best_step)  # a kill may have come before old ones were removed
        if snapshot is not None:
            self._seconds_before = state.progress.total_seconds
        self._progress = state.progress
        if config.device_settings.compile:
            warnings.filterwarnings("ignore", message="TensorFloat32 tensor cores")  # fp32 is what was asked for
            components.task.compile()
        trainer = Trainer(
            config,
            components,
            state,
            store=self._store,
            metadata=resume.metadata(config, components, self._environment),
            listeners=self.listeners,
            stop=self._stop,
        )
        return (
            trainer,
            None if snapshot is None else snapshot.step,
            [*components.data.notices, *components.notices, *notices],
        )

    def evaluate_best(
        self, baselines: list[dict[str, Any]] | None = None
    ) -> tuple[dict[str, float], list[dict[str, Any]]]:
        """Return the metrics of the best checkpoint and its baselines; write its errors if it forecasts.

        baselines: those of another run on the same data, if they are measured already.
        """
        group = self._components.device.group
        best = best_together(self._store, self._components.task, group)
        final = FinalEvaluation(self._config, self._components, self._stop)
        started = time.perf_counter()
        metrics = final.metrics()
        self._per_class = final.per_class
        self._progress.eval_seconds += time.perf_counter() - started
        is_needed = group.is_first or group.shards is not None  # whose forward pass all processes take part in
        errors = final.forecast_errors(step=best.step) if is_needed else None
        if not group.is_first:
            return metrics, []
        group.leave()
        if errors is not None:
            self._run_dir.write_forecast(errors)
        return metrics, final.baselines() if baselines is None else baselines

    def finish_with(self, error: DlrunError) -> None:
        """Write the result of a run that ended with an error.

        Raises StorageError, which tells both, if it cannot be written.
        """
        status = {DivergedError: "diverged", Interrupted: "interrupted"}.get(type(error), "failed")
        try:
            self.finish(status, error=str(error))
        except StorageError as failure:
            raise StorageError(f"{error}\n{failure}") from error

    def finish_out_of_time(self) -> dict[str, Any]:
        """Write the result of a run that its time limit stopped, after it was saved; return it."""
        limit, step = duration(self._config.trainer.max_time_s or 0.0), self._progress.step
        stopped = f"Stopped at step {step} after {limit} (trainer.max_time); dlrun resume continues the run."
        return self.finish("interrupted", error=stopped)

    def finish(
        self,
        status: str,
        *,
        metrics: Mapping[str, float] | None = None,
        baselines: Sequence[Mapping[str, Any]] = (),
        error: str | None = None,
    ) -> dict[str, Any]:
        """Write `result.json` and pass the result to every listener; return it.

        Raises the first StorageError, after all of them were called.
        """
        result = make_result(
            status,
            config=self._config,
            components=self._components,
            progress=self._progress,
            metrics=metrics or {},
            per_class=self._per_class,
            baselines=baselines,
            environment={
                **environment.describe_run(self._environment, device_settings=self._config.tree["device"]),
                "cores": self._components.device.cores,
                **self._packed,
            },
            seconds=self._seconds_before + time.perf_counter() - self._started,
            error=error,
        )
        failures = []
        for receive in (self._run_dir.write_result, *(listener.on_end for listener in self.listeners)):
            try:
                receive(result)
            except StorageError as failure:
                failures.append(failure)
        if failures:
            raise failures[0]
        return result


def evaluate_run(config: RunConfig, catalog: Catalog, folder: Path, *, split: str) -> dict[str, float]:
    """Evaluate a run's best checkpoint on one split.

    Raises StorageError if the checkpoint is missing, or if the data is not what the run was trained on.
    """
    snapshot = load_best(folder)
    components = build_components(config, catalog)
    config = components.config
    with restoring(folder / "checkpoints"):
        fingerprint = snapshot.values["about"]["fingerprint"]
    if fingerprint != components.data.fingerprint:
        raise StorageError(f"{folder}: the data is not what this run was trained on (its fingerprint differs).")
    components.task.prepare(components.data)
    with restoring(folder / "checkpoints"):
        train_state.load_weights(components.task, snapshot)
    found = evaluate(
        components.task,
        components.data.split(split),
        device=components.device,
        batch_size=config.trainer.eval_batch_size,
    )
    return {f"{split}/{metric}": value for metric, value in found.items()}
