"""A baseline: an answer that a model should beat, measured by the meter of the model's own task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor

from dlrun.data.loading.randomness import generator
from dlrun.data.loading.split import Split
from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.goals import goal_of
from dlrun.wording import plural

BaselineKind = Literal["trivial", "simple"]
Check = Callable[[], None]
"""Called between two pieces of work; it may raise, to stop."""

CPU = torch.device("cpu")
_BLOCK_VALUES = 1 << 22  # features of the rows that are worked on at once
_BLOCK_TARGETS = 1 << 16  # rows, where only targets are read


class Baseline(ABC):
    """An answer fitted on the training rows; its numbers are on the CPU.

    name: what tables call it. kind: "trivial", or "simple" for a model that learns from the inputs.
    """

    name: str
    kind: BaselineKind

    @abstractmethod
    def metrics(self, split: Split, *, check: Check) -> dict[str, float]:
        """Return the task's metrics on a split, but for the loss, which belongs to the run's own settings."""


class OutputBaseline(Baseline):
    """A baseline that answers as a model does: with logits, or numbers in scaled units."""

    reads_inputs = True  # false: `outputs` uses only the number of rows

    def __init__(self, spec: DataSpec, *, width: int = 1) -> None:
        """width: numbers that one row needs while it is worked on."""
        self._spec = spec
        self._block = max(1, _BLOCK_VALUES // max(1, width)) if self.reads_inputs else _BLOCK_TARGETS

    @abstractmethod
    def outputs(self, batch: Batch) -> Tensor:
        """Return what a model would: (B, K) logits (one for two classes), or numbers in scaled units."""

    def metrics(self, split: Split, *, check: Check) -> dict[str, float]:
        meter = goal_of(self._spec).meter(self._spec, CPU)
        no_loss = torch.zeros(())
        for batch in blocks(split, self._block) if self.reads_inputs else _target_blocks(split, self._block):
            check()
            meter.add(self.outputs(batch).float(), batch.targets, no_loss, batch.weights)
        return {name: value for name, value in meter.result().items() if name != "loss"}


def blocks(split: Split, num_rows: int, index: Tensor | None = None) -> Iterator[Batch]:
    """Yield rows of a split, on the CPU, `num_rows` at a time: all, or those of `index`, (N,) int64."""
    for first in range(0, len(split) if index is None else len(index), num_rows):
        rows = slice(first, first + num_rows)
        yield on_cpu(split.fetch(rows if index is None else index[rows].to(split.index_device)))


def gathered(split: Split, index: Tensor, num_rows: int) -> Tensor:
    """Return the inputs of the rows of `index`, (N,) int64, on the CPU, fetched `num_rows` at a time."""
    return torch.cat([batch.inputs for batch in blocks(split, num_rows, index)])


def on_cpu(batch: Batch) -> Batch:
    """Return the same batch on the CPU."""
    lengths = None if batch.lengths is None else batch.lengths.cpu()
    weights = None if batch.weights is None else batch.weights.cpu()
    return Batch(batch.inputs.cpu(), batch.targets.cpu(), lengths, weights)


def _target_blocks(split: Split, num_rows: int) -> Iterator[Batch]:
    targets = torch.split(split.targets.cpu(), num_rows)
    weights = [None] * len(targets) if split.weights is None else torch.split(split.weights.cpu(), num_rows)
    for some, of_some in zip(targets, weights, strict=True):
        yield Batch(some, some, weights=of_some)


def sample(num_rows: int, most: int, *, seed: int) -> Tensor:
    """Return at most `most` of `num_rows` rows in their order, (N,) int64, drawn from `seed` alone."""
    if num_rows <= most:
        return torch.arange(num_rows)
    return torch.randperm(num_rows, generator=generator(seed, "baselines"))[:most].sort().values


def weights_of(split: Split, index: Tensor) -> Tensor | None:
    """Return the weights of the rows of `index`, (N,) float64 with the mean 1, or None if all rows count alike."""
    if split.weights is None:
        return None
    weights = split.weights.cpu()[index].double()
    return weights / weights.mean() if weights.any() else None


def on_rows(name: str, used: int, available: int) -> str:
    """Return a baseline's name, with the number of its training rows if it uses only some of them."""
    return name if used >= available else f"{name} on {plural(used, 'row')}"
