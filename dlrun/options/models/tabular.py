"""A model for tables: an ensemble of small networks that learn what linear and additive models leave."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor, nn

from dlrun.baselines.baseline import gathered, sample
from dlrun.configuration.schema.fields import Activation, AutoFrequencies, AutoShare, Fraction, Range, Width
from dlrun.data.goals import mixes_kinds
from dlrun.data.loading.split import Split
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.options.models._closed_form import ClosedForm
from dlrun.options.models._layers import activation as make_activation
from dlrun.options.models._layers import flat_inputs
from dlrun.tasks.goals import goal_of, num_logits

_EMBEDDING = 4  # numbers that the periodic features of one number become
_DEVIATION = 1.0  # of the frequencies at the start, in periods per unit of a scaled number
_CLIP = 3.0  # where large numbers begin to be squeezed, in units of the quartiles' distance
_MOST_ROWS = 100_000  # that quartiles are measured on


def tabular(
    spec: DataSpec,
    *,
    members: Annotated[int, Range(low=1, high=256)],
    hidden: list[Width],
    activation: Activation,
    dropout: Fraction,
    frequencies: AutoFrequencies,
    linear: bool,
    additive: bool,
    share: AutoShare,
) -> nn.Module:
    """Tabular model, (B, F) -> (B, K): a model in closed form plus `share` times the mean of `members` networks.

    In training the networks learn all that the model in closed form leaves; only predictions take a share of it.

    Each network sees numbers scaled by median and quartiles, smoothly clipped and, as in Gorishniy, Rubachev and
    Babenko 2022, through periodic functions whose frequencies it learns. Scaling and clipping are those of RealMLP
    (Holzmueller, Grinsztajn and Steinwart 2024); training an ensemble as one model is the idea of TabM (Gorishniy,
    Kotelnikov and Babenko 2025).

    Raises ConfigError if the rows are not those of a table.
    """
    if spec.kind != "dense":
        what = f"It takes rows of numbers and categories, got {spec.describe()}; use another model."
        raise ConfigError(Problem("model=tabular", what, id="model-mismatch"))
    return Tabular(
        spec,
        members=members,
        hidden=hidden,
        activation=activation,
        dropout=dropout,
        frequencies=frequencies,
        linear=linear,
        additive=additive,
        share=share,
    )


class Tabular(nn.Module):
    """Predicts by `members` networks at once. In training, the rows of each member follow those of the one before."""

    median: Tensor
    factor: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        members: int,
        hidden: list[int],
        activation: str,
        dropout: float,
        frequencies: int,
        linear: bool,
        additive: bool,
        share: float,
    ) -> None:
        super().__init__()
        self._spec, self.members, self._share = spec, members, share
        self._num_numbers = spec.num_numbers
        self.front, width = flat_inputs(spec)
        self.register_buffer("median", torch.zeros(self._num_numbers))
        self.register_buffer("factor", torch.ones(self._num_numbers))
        self.periodic = Periodic(members, self._num_numbers, frequencies) if frequencies and self._num_numbers else None
        if self.periodic is not None:
            width += self._num_numbers * _EMBEDDING
        starts_linear = linear and not spec.blocks and not mixes_kinds(spec.goal)
        layers: list[nn.Module] = []
        for size in hidden:
            layers += [MemberLinear(members, width, size), make_activation(activation)]
            if dropout:
                layers.append(MemberDropout(dropout))
            width = size
        self.layers = nn.Sequential(*layers, MemberLinear(members, width, num_logits(spec), zero=starts_linear))
        self.linear = ClosedForm(spec, additive=additive) if starts_linear else None

    def fit_to(self, train: Split) -> None:
        """Measure medians and quartiles, and fit the model in closed form, on the training rows."""
        index = sample(len(train), _MOST_ROWS, seed=0)
        numbers = gathered(train, index, _MOST_ROWS)[:, : self._num_numbers].double()  # (N, F) -> (N, numbers)
        if self._num_numbers:
            self.median.copy_(numbers.median(dim=0).values)
            self.factor.copy_(_factors(numbers))
        if self.linear is not None:
            self.linear.fit_to(train, numbers)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, F) -> (B, K), in training (members * B, K)."""
        numbers = (inputs[:, : self._num_numbers] - self.median) * self.factor
        numbers = numbers / (1 + (numbers / _CLIP).square()).sqrt()
        rest = self.front(inputs)[:, self._num_numbers :]
        rows = torch.cat([numbers, rest], dim=1).expand(self.members, -1, -1)  # (B, F) -> (M, B, F)
        if self.periodic is not None:
            rows = torch.cat([rows, self.periodic(numbers)], dim=2)
        out: Tensor = self.layers(rows)  # (M, B, K)
        if self.linear is not None:
            out = (out if self.training else self._share * out) + self.linear(inputs)
        if self.training:
            return out.flatten(0, 1)  # (M, B, K) -> (M * B, K)
        return goal_of(self._spec).average(self._spec, out) if self.members > 1 else out[0]  # (M, B, K) -> (B, K)


class MemberLinear(nn.Module):
    """A linear layer for each member, (M, B, inputs) -> (M, B, outputs).

    The bias is flat, (M * outputs,), so that it counts as a bias where only matrices have weight decay.
    """

    def __init__(self, members: int, inputs: int, outputs: int, *, zero: bool = False) -> None:
        super().__init__()
        self._shape = (members, 1, outputs)
        self.weight = nn.Parameter(torch.zeros(members, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(members * outputs))
        if not zero:
            nn.init.normal_(self.weight, std=math.sqrt(2 / max(1, inputs)))

    def forward(self, rows: Tensor) -> Tensor:
        return torch.baddbmm(self.bias.view(self._shape), rows, self.weight)


class MemberDropout(nn.Dropout):
    """Dropout with the rows in front, (M, B, W) -> (M, B, W), for processes that have some of them.

    A mask is drawn in the order of the memory, so that it is the same as without.
    """

    def forward(self, rows: Tensor) -> Tensor:
        out: Tensor = super().forward(rows.transpose(0, 1))  # (M, B, W) -> (B, M, W)
        return out.transpose(0, 1)


class Periodic(nn.Module):
    """Sines and cosines of each number at learned frequencies, and a layer on them: (B, n) -> (M, B, n * 4)."""

    def __init__(self, members: int, numbers: int, frequencies: int) -> None:
        super().__init__()
        self._shape = (members, 1, numbers, frequencies)
        self.frequencies = nn.Parameter(torch.randn(members * numbers * frequencies) * _DEVIATION)
        self.layer = MemberLinear(members * numbers, 2 * frequencies, _EMBEDDING)
        nn.init.normal_(self.layer.weight, std=math.sqrt(1 / (2 * frequencies)))

    def forward(self, numbers: Tensor) -> Tensor:
        members, _, count, size = self._shape
        angles = 2 * math.pi * numbers.unsqueeze(2) * self.frequencies.view(self._shape)  # -> (M, B, n, k)
        waves = torch.cat([angles.sin(), angles.cos()], dim=3).transpose(1, 2)  # -> (M, n, B, 2k)
        found: Tensor = self.layer(waves.reshape(members * count, -1, 2 * size))  # -> (M * n, B, 4)
        return found.relu().view(members, count, -1, _EMBEDDING).transpose(1, 2).flatten(2)  # -> (M, B, n * 4)


def _factors(numbers: Tensor) -> Tensor:
    """1 / the distance of the quartiles, or 2 / the range where they are equal, or 0 for a constant: (N, n) -> (n,)."""
    low, first, third, high = torch.quantile(numbers, torch.tensor([0, 0.25, 0.75, 1.0], dtype=numbers.dtype), dim=0)
    spread = torch.where(third > first, third - first, (high - low) / 2)
    return torch.where(spread > 0, 1 / spread, torch.zeros_like(spread))
