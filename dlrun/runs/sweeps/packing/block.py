"""Some models of a pack, stacked: what fits into the cache together takes its steps together.

A pack has several blocks. Between two pauses one block takes all its steps, then the next, so that its weights and the
states of its optimizers stay in the cache: models are independent of each other, so the order changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dlrun.data.spec import Batch
from dlrun.runs.sweeps.packing.losses import packed_loss
from dlrun.runs.sweeps.packing.member import Member
from dlrun.runs.sweeps.packing.stack import Stack
from dlrun.training.signals import StopRequest

_MOST_BYTES = 4 << 20  # weights of a block on the CPU; measured in docs/decisions/044
_FEWEST = 4  # models of a block, however large: fewer gain nothing


def blocks_of(members: Sequence[Member]) -> list[Block]:
    """Return the members of a pack in blocks of nearly the same size; on a GPU, which has no such cache, in one."""
    size = len(members)
    if members[0].components.device.is_cpu:
        own = sum(parameter.nbytes for parameter in members[0].task.parameters())
        size = max(_FEWEST, _MOST_BYTES // max(1, own))
    count = max(1, round(len(members) / size))
    return [Block(members[part::count]) for part in range(count)]


class Block:
    """Members that take their steps together; they are all at the same step."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members
        tasks = [member.task for member in members]
        self._stack = Stack(tasks)
        for member in members:
            member.use_stack(self._stack.trained)
        first = members[0]
        self._losses = packed_loss(tasks, has_weights=first.components.data.train.weights is not None)
        self._orders = {member.order: number for number, member in enumerate(members)}
        self._shared = len(self._orders) == 1
        self._batches: Iterator[Batch] | None = None

    def advance(self, until: int, stop: StopRequest) -> None:
        """Take steps up to a step of the epoch, or until a stop is requested; members that diverge take no more."""
        if self._batches is None:
            self._batches = self._joint_batches()
        started = time.perf_counter()
        progress = self._members[0].trainer.progress
        step = progress.step
        while step < until and stop.signal is None and not stop.is_time_up:
            self._take_step(next(self._batches))
            step += 1
        seconds = (time.perf_counter() - started) / len(self._members)
        for member in self._members:
            member.trainer.progress.train_seconds += seconds
        if self._members[0].trainer.is_epoch_over:
            self._batches = None

    def _take_step(self, batch: Batch) -> None:
        for member in self._members:
            member.set_rate()
        losses = self._losses(self._stack.parameters, batch, shared=self._shared)
        gradients = self._stack.gradients(losses)
        rows = batch.targets.shape[0 if self._shared else 1]
        for member, loss, own in zip(self._members, losses.detach().unbind(0), gradients, strict=True):
            member.take(loss, own, rows=rows)

    def _joint_batches(self) -> Iterator[Batch]:
        """Yield the batch of all members, or, if their orders of the rows differ, all their batches as one."""
        streams = [self._members[number].batches() for number in self._orders.values()]
        if self._shared:
            yield from streams[0]
            return
        places = {order: place for place, order in enumerate(self._orders)}
        own = [places[member.order] for member in self._members]
        for found in zip(*streams, strict=True):
            yield Batch(*(_stacked(each, own) for each in zip(*found, strict=True)))  # type: ignore[arg-type]


def _stacked(found: Sequence[Tensor | None], own: Sequence[int]) -> Tensor | None:
    """The tensors of each member in one, (K, B, ...)."""
    tensors = [each for each in found if each is not None]
    return torch.stack([tensors[place] for place in own]) if tensors else None
