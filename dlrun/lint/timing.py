"""How long a run will take, measured on a few of its own steps, and held against a budget."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import nearest_duration
from dlrun.lint.finding import Finding
from dlrun.lint.length import multiples
from dlrun.optim.device import synchronise
from dlrun.optim.finite import NotFinite
from dlrun.runs.final import FinalEvaluation
from dlrun.runs.run import build_state
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.tasks.copies import copy_of
from dlrun.tasks.draws import own_draws
from dlrun.training.build import Components, horizon
from dlrun.training.divergence import steps_after
from dlrun.training.evaluation import evaluate
from dlrun.training.signals import StopRequest
from dlrun.training.state import capture
from dlrun.training.step import take_step
from dlrun.training.trainer import Trainer
from dlrun.wording import count, duration, plural

_WARM_UP = 3  # steps, which are slower than the rest
_LEAST_STEPS = 5
_MOST_STEPS = 2_000


@dataclass(frozen=True)
class Cost:
    """What the parts of a run take, in seconds, measured. `start` is once, beside building; `end` tests the best."""

    step: float
    evaluation: float
    save: float
    start: float
    end: float


@dataclass(frozen=True)
class RunTime:
    """The time of a run, as one process trains it. build: seconds that loading the data and building the model took."""

    cost: Cost
    steps: int
    evaluations: int
    saves: int  # one for each evaluation, since each may be the best, and those that are scheduled
    build: float = 0.0
    limit: int | None = None  # trainer.max_time, in seconds
    may_stop_early: bool = False
    processes: int = 1  # that will share each batch: how much quicker or slower they are was not measured

    @property
    def once(self) -> float:
        """What does not depend on how long the run trains."""
        return self.build + self.cost.start + self.cost.end

    @property
    def training(self) -> float:
        """Steps, evaluations and checkpoints; `limit` ends them."""
        cost = self.cost
        total = self.steps * cost.step + self.evaluations * cost.evaluation + self.saves * cost.save
        return total if self.limit is None else min(total, float(self.limit))

    @property
    def seconds(self) -> float:
        """The whole run, from loading the data to its result; if it may stop early, at most."""
        return self.once + self.training

    def describe(self) -> str:
        """Return one line, such as `at most 3 min 20 s: 9,380 steps of 0.6 ms, 10 evaluations of 0.2 s, ...`."""
        cost = self.cost
        parts = [
            f"{plural(self.steps, 'step')} of {_short(cost.step)}",
            f"{plural(self.evaluations, 'evaluation')} of {_short(cost.evaluation)}",
            f"{plural(self.saves, 'checkpoint')} of {_short(cost.save)}",
            f"{_short(self.once)} to begin and end",
        ]
        shared = (
            f"; measured in one process ({count(self.processes)} will share each batch)" if self.processes > 1 else ""
        )
        return f"{self.total()}: {', '.join(parts)}{shared}"

    def total(self) -> str:
        """Return the whole time in words: `about 3 min 20 s`, or `at most` where early stopping may end the run."""
        return total_time([self])


def total_time(times: Sequence[RunTime]) -> str:
    """Return the time of several runs in words: `about 3 min 20 s`, or `at most` where early stopping may end one."""
    early = any(each.may_stop_early for each in times)
    return f"{'at most' if early else 'about'} {duration(sum(each.seconds for each in times))}"


@dataclass
class Stopwatch:
    """Measures runs one after another; what two runs have in common is measured once.

    box_s: seconds that the steps of one measurement may take, and its evaluation, and its baselines.
    """

    catalog: Catalog
    box_s: float = 1.0
    _costs: dict[str, Cost] = field(default_factory=dict)

    def measure(self, components: Components, *, build_s: float = 0.0) -> RunTime:
        """Return the time of a run that is built and not trained; it and all random states of torch are unchanged."""
        key = _key(components.config)
        if key not in self._costs:
            self._costs[key] = measure_cost(components, self.catalog, box_s=self.box_s)
        return run_time(components, self._costs[key], build_s=build_s)


def _key(config: RunConfig) -> str:
    """What the cost of a step, an evaluation and a checkpoint depends on: not the seed, rates or how long it trains."""
    tree = config.tree
    optimizer = {name: value for name, value in tree["optimizer"].items() if name not in ("lr", "weight_decay")}
    names = ("batch_size", "eval_batch_size", "accumulate", "clip_norm", "ema", "workers", "shuffle")
    trainer = {name: tree["trainer"][name] for name in names}
    return json.dumps([tree["dataset"], tree["model"], tree["loss"], tree["device"], optimizer, trainer])


def run_time(components: Components, cost: Cost, *, build_s: float = 0.0) -> RunTime:
    """Return the time of a run whose parts have this cost."""
    trainer, checkpoint = components.config.trainer, components.config.checkpoint
    steps = horizon(len(components.data.train), trainer).total_steps
    per_epoch = horizon(len(components.data.train), trainer).steps_per_epoch
    after_epochs = multiples((trainer.eval_every or 0) * per_epoch, steps)
    evaluated = {*after_epochs, *multiples(trainer.eval_every_steps, steps), steps}
    after_epochs = multiples((checkpoint.every_epochs or 0) * per_epoch, steps)
    scheduled = {*after_epochs, *multiples(checkpoint.every_steps, steps), steps}
    has_val = components.data.val is not None
    return RunTime(
        cost,
        steps,
        len(evaluated) if has_val else 0,
        len(evaluated | scheduled if has_val else scheduled),
        build_s,
        trainer.max_time_s,
        has_val and trainer.early_stop.patience is not None and trainer.early_stop.patience < len(evaluated),
        components.asked_processes,
    )


def measure_cost(components: Components, catalog: Catalog, *, box_s: float) -> Cost:
    """Measure the parts of a run on a copy of its task, with the trainer's own steps."""
    config, task = components.config, copy_of(components.task)
    own = dataclasses.replace(components, task=task)
    with tempfile.TemporaryDirectory() as folder, own_draws():
        started = time.perf_counter()
        task.prepare(components.data)
        prepared = time.perf_counter() - started
        store = CheckpointStore(Path(folder) / "checkpoints")
        trainer = Trainer(config, own, build_state(config, catalog, own), store=store, metadata={})
        first, step = _time_steps(trainer, box_s=box_s)
        save = _time_save(trainer)
        per_split = {name: _time_evaluation(own, name, box_s=box_s) for name in own.data.sizes if name != "train"}
        baselines = _time_baselines(own, box_s=box_s)
    tested = sum(per_split.values()) or _time_evaluation(own, "train", box_s=box_s)
    start = prepared + max(0.0, first - _WARM_UP * step)
    return Cost(step, per_split.get("val", 0.0), save, start, tested + baselines)


def _time_steps(trainer: Trainer, *, box_s: float) -> tuple[float, float]:
    """Return the seconds of the warm-up, and of one step after it; a run that diverges is measured until it does."""
    state, device = trainer.state, trainer.device
    state.task.train()
    started = begun = time.perf_counter()
    done, warm = 0, 0.0

    def add(values: dict[str, Tensor]) -> None:
        if not state.means.add(values):
            raise NotFinite

    steps = steps_after(trainer, state)
    with device.autocast():
        try:
            while done < _LEAST_STEPS or (done < _MOST_STEPS and time.perf_counter() - started < box_s):
                take_step(state, next(steps), train_step=state.task.train_step, on_metrics=add)
                if state.progress.step == _WARM_UP:
                    synchronise(device.torch)
                    started = time.perf_counter()
                    warm = started - begun
                elif state.progress.step > _WARM_UP:
                    done += 1
        except NotFinite:
            if not done:
                return 0.0, (time.perf_counter() - begun) / max(1, state.progress.step)
    synchronise(device.torch)
    return warm, (time.perf_counter() - started) / done


def _time_save(trainer: Trainer) -> float:
    """Seconds to copy the state and write a checkpoint, the quicker of two."""
    found = []
    for _ in range(2):
        started = time.perf_counter()
        trainer.store.save(capture(trainer.state, metadata=trainer.metadata), is_best=True)
        found.append(time.perf_counter() - started)
        trainer.state.progress.step += 1
    return min(found)


class _Enough(Exception):  # noqa: N818 - a measurement ends, nothing is wrong
    """The time box is used up."""


def _time_evaluation(components: Components, name: str, *, box_s: float) -> float:
    """Seconds of a pass over a split; a long one is measured on its first batches."""
    split, batch_size = components.data.split(name), components.config.trainer.eval_batch_size
    batches, started = 0, time.perf_counter()

    def before_batch() -> None:
        nonlocal batches
        if batches and time.perf_counter() - started > box_s:
            raise _Enough
        batches += 1

    try:
        evaluate(components.task, split, device=components.device, batch_size=batch_size, before_batch=before_batch)
    except _Enough:
        whole = -(-len(split) // batch_size)
        return (time.perf_counter() - started) / batches * whole
    return time.perf_counter() - started


def _time_baselines(components: Components, *, box_s: float) -> float:
    """Seconds of the baselines; of slow ones, those until the time box was used up."""
    started = time.perf_counter()
    final = FinalEvaluation(components.config, components, _Boxed(started + box_s))
    with contextlib.suppress(_Enough):
        final.baselines()
    return time.perf_counter() - started


class _Boxed(StopRequest):
    """Ends what asks for it once a moment has passed."""

    def __init__(self, until: float) -> None:
        super().__init__()
        self._until = until

    def raise_if_requested(self, *args: Any) -> None:
        """Raise _Enough after that moment."""
        if time.perf_counter() > self._until:
            raise _Enough


def findings_for_budget(times: Sequence[RunTime], budget_s: int, *, epochs: int | None = None) -> list[Finding]:
    """Return an error if runs take longer than a budget, in seconds, with an override that keeps them inside.

    epochs: of the run, where there is one only and it has a number of epochs.
    """
    total = sum(each.seconds for each in times)
    if total <= budget_s:
        return []
    early = any(each.may_stop_early for each in times)
    what = "The run takes" if len(times) == 1 else f"The {count(len(times))} runs take"
    hint = " Early stopping may end it sooner." if early else ""
    message = f"{what} {total_time(times)}, and the budget is {duration(budget_s)}.{hint}"
    left = budget_s - sum(each.once for each in times)
    fewer = int((epochs or 0) * left / max(1e-9, sum(each.training for each in times)))
    if epochs is not None and len(times) == 1 and fewer >= 1:
        return [Finding("over-budget", "error", "trainer.epochs", message, f"trainer.epochs={fewer}")]
    limit = int(left / len(times))
    fix = f"trainer.max_time={in_notation(limit)}" if limit >= 1 else None
    return [Finding("over-budget", "error", "trainer.max_time", message, fix)]


def in_notation(seconds: int) -> str:
    """Format whole seconds as a configuration does: 90 -> 1m30s, 7200 -> 2h."""
    hours, rest = divmod(seconds, 3600)
    return nearest_duration(f"{hours}:{rest // 60:02}:{rest % 60:02}") or f"{seconds}s"


def _short(seconds: float) -> str:
    """Format a short time: 0.6 ms, 12 ms, 3.1 s."""
    if seconds < 0.01:
        return f"{seconds * 1000:.2g} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else duration(seconds)
