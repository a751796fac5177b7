"""An exponential moving average of the weights (Polyak and Juditsky 1992; decay warmed up as in TensorFlow)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn

from dlrun.optim.distributed.shards import Shards


class WeightAverage:
    """The moving average of a module's parameters; buffers are not averaged.

    After step t: average += (1 - min(decay, (1 + t) / (10 + t))) * (weights - average), so that the first weights soon
    lose their influence. decay: between 0 and 1, exclusive. shards: of the module, if this process has only a part of
    each parameter; then it averages that part. averages: one for each of the parameters, whose `names` are given.
    """

    def __init__(self, module: nn.Module, *, decay: float, shards: Shards | None = None) -> None:
        self._decay = decay
        self._is_sharded = shards is not None
        named = dict(module.named_parameters())
        if shards is not None:
            named = {name: shards.part(parameter) for name, parameter in named.items()}
        self.names = list(named)
        self._parameters: list[Tensor] = list(named.values())
        self.averages = _copies(self._parameters)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average with the weights after `step` steps, from 1 up."""
        weight = 1.0 - min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.averages, self._parameters, weight)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Return a context in which the module's parameters are the averages."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        if self._is_sharded:  # the parameters of the module share the memory of the parts
            for part, average in zip(self._parameters, self.averages, strict=True):
                held = part.clone()
                part.copy_(average)
                average.copy_(held)
            return
        for number, parameter in enumerate(self._parameters):
            parameter.data, self.averages[number] = self.averages[number], parameter.data

    def merged(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a module's state with averages instead of parameters; tied parameters under each of their names."""
        averages = {parameter.data_ptr(): average for parameter, average in self._pairs()}
        return {name: averages.get(tensor.data_ptr(), tensor) for name, tensor in state.items()}

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        pairs = zip(self._parameters, self.averages, strict=True)
        return [(parameter, average) for parameter, average in pairs if parameter.numel()]

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load averages that were saved under the parameters' names."""
        for name, average in zip(self.names, self.averages, strict=True):
            average.copy_(state[name])


def _copies(parameters: Sequence[Tensor]) -> list[Tensor]:
    """Return copies that lie to each other as the parameters do.

    Those of a recurrent layer on a GPU are one piece of memory; if not, cuDNN warns and copies them in every call.
    """
    pieces: dict[tuple[int, torch.dtype], list[int]] = defaultdict(list)
    for number, parameter in enumerate(parameters):
        if parameter.numel():
            pieces[parameter.untyped_storage().data_ptr(), parameter.dtype].append(number)
    copies = [parameter.detach().clone() for parameter in parameters]
    for members in pieces.values():
        spans = sorted((parameters[number].storage_offset(), _end(parameters[number])) for number in members)
        first, last = spans[0][0], spans[-1][1]
        if len(members) == 1 or any(end > start for (_, end), (start, _) in pairwise(spans)):  # alone, or the same data
            continue
        piece = copies[members[0]].new_empty(last - first)
        for number in members:
            own, place = parameters[number], parameters[number].storage_offset() - first
            copies[number] = piece.as_strided(own.shape, own.stride(), place).copy_(own.detach())
    return copies


def _end(tensor: Tensor) -> int:
    """The place in its memory after a tensor's last number."""
    lengths = zip(tensor.shape, tensor.stride(), strict=True)
    return int(tensor.storage_offset()) + 1 + sum((size - 1) * stride for size, stride in lengths)
