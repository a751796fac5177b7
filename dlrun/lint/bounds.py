"""Which outputs a model can give at all: those of copies with random, large weights."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun.lint.subject import Subject
from dlrun.tasks.task import SupervisedTask

_ROWS = 64
_COPIES = 4
_SPREAD = 5.0  # of the noise added to a parameter, in its own deviations
_LEAST = 0.1  # deviation assumed of a parameter that is constant


@dataclass(frozen=True)
class Bounds:
    """The lowest and highest output of all copies, and whether the outputs of a row are probabilities."""

    low: float
    high: float
    sums_to_one: bool  # the outputs of each row
    log_sums_to_one: bool  # their exponentials


def bounds(subject: Subject) -> Bounds | None:
    """Return what the outputs of a supervised model are bound to, whatever its weights; None for other tasks.

    None too if the outputs are not finite. Measured once.
    """
    if subject.supervised is None:
        return None
    return subject.once("bounds", ("dataset", "model", "device"), lambda: _measure(subject))


def _measure(subject: Subject) -> Bounds | None:
    task = subject.fresh_task()
    assert isinstance(task, SupervisedTask)  # noqa: S101
    task.eval()
    batch = subject.data.train.fetch(slice(0, min(_ROWS, len(subject.data.train))))
    found: list[Tensor] = []
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for _ in range(_COPIES):
            changed = copy.deepcopy(task)
            for parameter in changed.model.parameters():
                deviation = parameter.float().std(correction=0) if parameter.numel() else parameter.new_zeros(())
                noise = torch.randn_like(parameter) * _SPREAD
                parameter += (noise * deviation.clamp(min=_LEAST)).to(parameter.dtype)
            found.append(changed(batch).float())
    outputs = torch.cat(found)  # (copies * B, ..., K)
    if not bool(outputs.isfinite().all()):
        return None
    return Bounds(
        float(outputs.min()), float(outputs.max()), _are_ones(outputs.sum(dim=-1)), _are_ones(outputs.exp().sum(dim=-1))
    )


def _are_ones(values: Tensor) -> bool:
    return bool(((values - 1).abs() < 1e-4).all())
