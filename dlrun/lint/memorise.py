"""Whether a model can learn one batch by heart: it is trained on nothing else, without dropout."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dlrun.configuration.run_config import RunConfig
from dlrun.data.goals import mixes_kinds
from dlrun.data.spec import Batch
from dlrun.lint.subject import Subject
from dlrun.optim.finite import NotFinite
from dlrun.optim.updater import Updater
from dlrun.tasks.draws import own_draws
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask
from dlrun.training.build import build_optimizers

ROWS = 32
STEPS = 300
_SECONDS = 6.0  # of processor time, of one try
_CHECKED = 25  # steps between two looks at whether it has learned
_FEWEST = 50
_ACCURATE = 0.95  # share of the rows
_EXPLAINED = 0.9  # of the targets' variance
_BETTER = 0.02  # of the score, above that of a constant, or of the loss
_FELL = 0.1  # of the loss that is left, where there is neither accuracy nor variance


_State = tuple[float, float | None, bool]
"""Loss, score, and whether the score is enough."""


@dataclass(frozen=True)
class Memory:
    """The loss on the batch before and after, what was reached, and whether that is enough.

    score: the share of right answers, or of the targets' variance that is explained; None for targets of both kinds.
    trivial: the score of the best constant.
    """

    first_loss: float
    last_loss: float
    score: float | None
    learned: bool
    steps: int
    trivial: float = 0.0

    @property
    def gain(self) -> float:
        """The share of the loss that is gone."""
        return 1 - self.last_loss / self.first_loss if self.first_loss > 0 else 0.0

    @property
    def is_better_than_trivial(self) -> bool:
        """Whether the model has learned anything from its inputs; of numbers, whether the loss falls at all."""
        if self.score is None or not self.trivial:
            return self.gain > _BETTER
        return self.score > self.trivial + _BETTER


def memorise(subject: Subject, config: RunConfig) -> Memory:
    """Train a fresh copy on the first rows of the first batch, by the configured optimizer at its full rate.

    Ends once it has learned them, after `STEPS` steps, or after some seconds.
    """
    task = subject.fresh_task()
    assert isinstance(task, SupervisedTask)  # noqa: S101 - the caller looked
    task.train()
    for module in task.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    batch = subject.batch.first(ROWS)
    device = subject.components.device
    updater = Updater(
        build_optimizers(task, config, subject.catalog), device=device, clip_norm=config.trainer.clip_norm
    )
    started, steps = time.process_time(), 0
    with own_draws(), device.autocast():
        torch.manual_seed(config.seed)
        first = _state(task, batch)
        last = first
        while steps < STEPS and time.process_time() < started + _SECONDS:
            if steps >= _FEWEST and _has_learned(first, last):
                break
            try:
                task.train_step(batch, updater)
            except NotFinite:
                return Memory(first[0], math.inf, None, learned=False, steps=steps)
            steps += 1
            if steps % _CHECKED == 0:
                last = _state(task, batch)
        last = _state(task, batch)
    learned = _has_learned(first, last)
    return Memory(first[0], last[0], last[1], learned, steps, _trivial(task, batch))


def _has_learned(first: _State, last: _State) -> bool:
    """Whether the score is enough and the loss has fallen: a model may begin with the right answers by chance."""
    if last[1] is None:
        return last[0] <= _FELL * first[0]
    return last[2] and last[0] < first[0] - _BETTER * abs(first[0])


def _state(task: SupervisedTask, batch: Batch) -> _State:
    """Return loss, score, and whether the score is enough, of the model as it is trained."""
    with torch.no_grad():
        outputs = task(batch).float()
        repeated = batch if task.num_members == 1 else batch.repeated(task.num_members)
        loss = float(task.loss_of(outputs, repeated))
    goal = goal_of(task.spec)
    if mixes_kinds(task.spec.goal):
        return loss, None, False
    if goal.predicts_numbers:
        score = _explained(outputs, repeated.targets)
        return loss, score, score >= _EXPLAINED
    chosen = outputs.argmax(dim=-1) if outputs.shape[-1] > 1 else (outputs[..., 0] > 0).long()
    score = float((chosen == repeated.targets).float().mean())
    return loss, score, score >= _ACCURATE


def _trivial(task: SupervisedTask, batch: Batch) -> float:
    """The share of the most common class or token, or 0, the variance that a mean explains."""
    if goal_of(task.spec).predicts_numbers or mixes_kinds(task.spec.goal):
        return 0.0
    return int(batch.targets.flatten().bincount().max()) / batch.targets.numel()


def _explained(outputs: Tensor, targets: Tensor) -> float:
    """The share of the targets' variance that is explained, R²; 1 for targets that are all equal."""
    total = float((targets - targets.mean(dim=0)).square().sum())
    return 1 - float((targets - outputs).square().sum()) / total if total > 0 else 1.0
