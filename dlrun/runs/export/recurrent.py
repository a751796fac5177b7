"""Recurrent layers as loops that a graph can hold: torch's own fix the number of steps when they are exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.errors import ConfigError, Problem

State = tuple[Tensor, ...]
Step = Callable[[State, Tensor], State]


def with_loops(model: nn.Module) -> nn.Module:
    """Replace every recurrent layer in a model by a loop with its weights; return the model.

    Raises ConfigError for a layer with projections, which no model of dlrun has.
    """
    for name, child in list(model.named_children()):
        if isinstance(child, nn.RNNBase):
            setattr(model, name, RecurrentLoop(child))
        else:
            with_loops(child)
    return RecurrentLoop(model) if isinstance(model, nn.RNNBase) else model


class RecurrentLoop(nn.Module):
    """An RNN, GRU or LSTM, as `torch.nn` has it, computed step by step by torch's scan operator."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        if layer.proj_size:
            what = "A recurrent layer with projections (proj_size) cannot be exported; use one without."
            raise ConfigError(Problem("model", what))
        self._batch_first = layer.batch_first
        self._is_lstm = isinstance(layer, nn.LSTM)
        self._directions = 2 if layer.bidirectional else 1
        self.passes = nn.ModuleList(
            _Pass(layer, number, suffix)
            for number in range(layer.num_layers)
            for suffix in ("", "_reverse")[: self._directions]
        )

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor | tuple[Tensor, Tensor]]:
        """(B, T, F) -> (B, T, D * H) and the last states, (layers * D, B, H); T first unless batch_first."""
        steps = inputs.transpose(0, 1) if self._batch_first else inputs  # (B, T, F) -> (T, B, F)
        states: list[State] = []
        for first in range(0, len(self.passes), self._directions):
            found = []
            for number in range(self._directions):
                one_way = self.passes[first + number]
                out, state = one_way(steps.flip(0) if number else steps)
                found.append(out.flip(0) if number else out)
                states.append(state)
            steps = found[0] if len(found) == 1 else torch.cat(found, dim=2)  # D x (T, B, H) -> (T, B, D * H)
        last = tuple(torch.stack(parts) for parts in zip(*states, strict=True))
        outputs = steps.transpose(0, 1).contiguous() if self._batch_first else steps
        return outputs, (last[0], last[1]) if self._is_lstm else last[0]


class _Pass(nn.Module):
    """One layer in one direction, (T, B, F) -> (T, B, H) and the last state."""

    def __init__(self, layer: nn.RNNBase, number: int, suffix: str) -> None:
        super().__init__()
        hidden = layer.hidden_size
        self._hidden = hidden
        self._cell = type(layer).__name__
        self._activation = torch.relu if getattr(layer, "nonlinearity", "tanh") == "relu" else torch.tanh
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            found = getattr(layer, f"{name}_l{number}{suffix}", None)
            if found is None:  # a layer without biases
                found = torch.zeros(len(layer.weight_hh_l0))  # type: ignore[arg-type]
            self.register_buffer(name, cast(Tensor, found).detach())

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor

    def forward(self, steps: Tensor) -> tuple[Tensor, State]:
        given = F.linear(steps, self.weight_ih, self.bias_ih)  # (T, B, F) -> (T, B, gates * H)
        start = steps.new_zeros(steps.shape[1], self._hidden)
        first: State = (start, start.clone()) if self._cell == "LSTM" else (start,)
        step = self._step()
        return _scanned(step, first, given) if torch.compiler.is_exporting() else _looped(step, first, given)

    def _step(self) -> Step:
        """What one step does, with tensors alone: a module cannot be captured inside a loop."""
        weight, bias, activation = self.weight_hh, self.bias_hh, self._activation

        def plain(state: State, inputs: Tensor) -> State:
            return (activation(inputs + F.linear(state[0], weight, bias)),)

        def gru(state: State, inputs: Tensor) -> State:
            reset_in, update_in, new_in = inputs.chunk(3, dim=1)  # (B, 3 H) -> 3 x (B, H)
            reset, update, new = F.linear(state[0], weight, bias).chunk(3, dim=1)
            update = torch.sigmoid(update_in + update)
            candidate = torch.tanh(new_in + torch.sigmoid(reset_in + reset) * new)
            return ((1 - update) * candidate + update * state[0],)

        def lstm(state: State, inputs: Tensor) -> State:
            entry, forget, cell, out = (inputs + F.linear(state[0], weight, bias)).chunk(4, dim=1)
            memory = torch.sigmoid(forget) * state[1] + torch.sigmoid(entry) * torch.tanh(cell)
            return torch.sigmoid(out) * torch.tanh(memory), memory

        return {"GRU": gru, "LSTM": lstm}.get(self._cell, plain)


def _looped(step: Step, state: State, given: Tensor) -> tuple[Tensor, State]:
    """One step after the other, (T, B, gates * H) -> (T, B, H) and the last state."""
    outputs = []
    for inputs in given:
        state = step(state, inputs)
        outputs.append(state[0])
    return torch.stack(outputs), state


def _scanned(step: Step, first: State, given: Tensor) -> tuple[Tensor, State]:
    """The same as an operator of a graph."""
    from torch._higher_order_ops.scan import scan

    def once(state: State, inputs: Tensor) -> tuple[State, Tensor]:
        after = step(state, inputs)
        return after, after[0].clone()

    torch._dynamo.reset()  # what it knows of the loops before, with other sizes, would become limits of this one
    last, outputs = scan(once, first, given)
    return outputs, tuple(last)
