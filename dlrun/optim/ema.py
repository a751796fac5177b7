"""An exponential moving average of the weights (Polyak and Juditsky 1992; decay warmed up as in TensorFlow)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

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
        self.averages = [parameter.detach().clone() for parameter in self._parameters]

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
