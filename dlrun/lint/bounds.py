"""Which outputs a model can give at all: those of copies with random, large weights."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun.data.goals import mixes_kinds
from dlrun.lint.subject import Subject
from dlrun.tasks.copies import copy_of
from dlrun.tasks.draws import own_draws
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask

_ROWS = 16
_COPIES = 40  # one weight has the same sign in all of them once in 10^12
_SECONDS = 0.5  # of processor time for all copies; a larger model is not judged
_TIMED = 3  # copies, the quickest of which tells: the first warms up, and collecting garbage may take as long as all
_SPREAD = 5.0  # of the noise added to a parameter, in its own deviations
_FREE = 2.0  # outputs on both sides of 0 beyond it are not bounded
_LEAST = 0.1  # deviation assumed of a parameter that is constant


@dataclass(frozen=True)
class Bounds:
    """The lowest and highest output of all copies, and whether the outputs of a row are probabilities."""

    low: float
    high: float
    sums_to_one: bool  # the outputs of each row
    log_sums_to_one: bool  # their exponentials


def takes_logits(subject: Subject) -> bool:
    """Return whether the loss is one of dlrun's own for classes or tokens; a user's own may take probabilities."""
    goal, loss = goal_of(subject.spec), subject.config.loss.name
    return not goal.predicts_numbers and not mixes_kinds(subject.spec.goal) and loss in ("auto", *goal.losses)


def bounds(subject: Subject) -> Bounds | None:
    """Return what the outputs of a supervised model are bound to, whatever its weights; None if they are free.

    None too for other tasks, and where outputs are not finite. Measured once.
    """
    if subject.supervised is None:
        return None
    return subject.once("bounds", ("dataset", "model", "device"), lambda: _measure(subject))


def _measure(subject: Subject) -> Bounds | None:
    task = subject.fresh_task()
    assert isinstance(task, SupervisedTask)  # noqa: S101 - the caller looked
    task.train()  # as the loss sees it; an ensemble is averaged only in evaluation
    train = subject.data.train
    rows = torch.linspace(0, len(train) - 1, min(_ROWS, len(train))).long()  # the first of a series are all alike
    batch = train.fetch(rows.to(train.index_device))
    found: list[Tensor] = []
    times = [time.process_time()]
    with own_draws(), torch.no_grad():
        torch.manual_seed(0)
        for _ in range(_COPIES):
            changed = copy_of(task)
            for parameter in changed.model.parameters():
                deviation = parameter.float().std(correction=0) if parameter.numel() else parameter.new_zeros(())
                noise = torch.randn_like(parameter) * _SPREAD
                parameter.add_((noise * deviation.clamp(min=_LEAST)).to(parameter.dtype))
            found.append(changed(batch).float())
            times.append(time.process_time())
            if min(-float(found[-1].min()), float(found[-1].max())) > _FREE or _takes_long(times):
                return None
    outputs = torch.cat(found)  # (copies * B, ..., K)
    if not bool(outputs.isfinite().all()):
        return None
    return Bounds(
        float(outputs.min()), float(outputs.max()), _are_ones(outputs.sum(dim=-1)), _are_ones(outputs.exp().sum(dim=-1))
    )


def _takes_long(times: Sequence[float]) -> bool:
    """Whether all copies would take too long. times: when the first began, and when each so far ended."""
    if times[-1] - times[0] > 4 * _SECONDS:
        return True
    return len(times) > _TIMED and _COPIES * min(b - a for a, b in itertools.pairwise(times)) > _SECONDS


def _are_ones(values: Tensor) -> bool:
    return bool(((values - 1).abs() < 1e-4).all())
