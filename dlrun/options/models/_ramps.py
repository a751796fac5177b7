"""Piecewise linear functions of numbers: ramps between knots, and the columns by which a linear model fits them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.data.spec import Scaling

Family = tuple[int, int]

COARSE, FINE, CODES = (0, 4), (4, 20), (20, 83)
"""Families of ramps of each number, the first and past the last: between 5 and 17 quantiles, and between codes."""

_WIDTH = CODES[1]
_MOST_CODES = CODES[1] - CODES[0] + 1
_FEWEST_CODES, _ROWS_OF_A_CODE = 3, 5  # different values, and rows for each of them
_WHOLE = 0.01  # how far a number may be from a whole one, by the rounding of scaled numbers

Part = tuple[Family, tuple[int, ...]]
"""A family of ramps, and the numbers that it is used for."""


class Ramps(nn.Module):
    """The sum of a function of each number, (B, n) -> (B, K); each rises or falls between knots and is flat beyond.

    A ramp is 0 below its first knot and 1 above its second; the functions are sums of ramps times `rise`.
    """

    start: Tensor
    slope: Tensor
    rise: Tensor

    def __init__(self, numbers: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("start", torch.zeros(numbers, _WIDTH))
        self.register_buffer("slope", torch.zeros(numbers, _WIDTH))  # 0: there is no such ramp
        self.register_buffer("rise", torch.zeros(numbers * _WIDTH, outputs))

    def forward(self, numbers: Tensor) -> Tensor:
        heights = ((numbers.unsqueeze(2) - self.start) * self.slope).clamp(0, 1)  # (B, n) -> (B, n, ramps)
        return heights.flatten(1) @ self.rise

    def place(self, numbers: Tensor, codes: Sequence[int]) -> None:
        """Set the knots by training rows, (N, n): quantiles of each number, and the values of those that are codes."""
        for family in (COARSE, FINE):
            shares = torch.linspace(0, 1, family[1] - family[0] + 1, dtype=numbers.dtype)
            self._set(slice(None), family, torch.quantile(numbers, shares, dim=0).T)  # (ramps + 1, n) -> (n, ramps + 1)
        for number in codes:
            values = torch.unique(numbers[:, number])
            self._set(number, CODES, F.pad(values, (0, _MOST_CODES - len(values)), value=float(values[-1])))

    def _set(self, which: slice | int, family: Family, knots: Tensor) -> None:
        """Ramps from each knot to the next, (..., ramps + 1); there is none between equal ones."""
        low, high = knots[..., :-1].float(), knots[..., 1:].float()
        self.start[which, slice(*family)] = low
        self.slope[which, slice(*family)] = torch.where(high > low, 1 / (high - low), torch.zeros_like(low))

    def columns(self, numbers: Tensor, part: Part) -> Tensor:
        """Return what a linear model fits, (N, n) -> (N, columns): ramps, or an indicator of each value of a code."""
        family, which = part
        chosen, slots = list(which), slice(*family)
        heights = (numbers[:, chosen].unsqueeze(2) - self.start[chosen, slots]) * self.slope[chosen, slots]
        heights = heights.clamp(0, 1)  # (N, n) -> (N, chosen, ramps)
        if family == CODES:  # above a value but not above the next
            heights = F.pad(heights, (1, 0), value=1.0) - F.pad(heights, (0, 1))
        return heights.flatten(1)[:, self._used(part)]

    def add(self, part: Part, weights: Tensor) -> Tensor:
        """Add the functions that weights of `columns` stand for, (columns, K); return what to add to the bias, (K,)."""
        family, which = part
        used = self._used(part)
        found = weights.new_zeros(len(used), weights.shape[1])
        found[used] = weights
        found = found.view(len(which), -1, weights.shape[1])
        lowest = torch.zeros_like(found[0, 0])
        if family == CODES:
            lowest = found[:, 0].sum(dim=0)
            last = used.view(len(which), -1).sum(dim=1)
            for row, count in zip(found, last.tolist(), strict=True):
                row[count:] = row[count - 1]  # flat beyond the last value
            found = found.diff(dim=1)  # values at the knots -> rises between them
        rise = self.rise.view(len(self.start), _WIDTH, -1)
        rise[list(which), slice(*family)] += found.to(rise)
        return lowest

    def num_columns(self, part: Part) -> int:
        """Return how many columns a part has."""
        return int(self._used(part).sum())

    def _used(self, part: Part) -> Tensor:
        """Which columns are not the same for all rows, (chosen * ramps,) bool."""
        family, which = part
        used = self.slope[list(which), slice(*family)] > 0
        return (F.pad(used, (1, 0), value=True) if family == CODES else used).flatten()


def code_columns(numbers: Tensor, scaling: Scaling | None) -> list[int]:
    """Return the columns of whole numbers with so few different values that they may be names of groups.

    numbers: (N, n), scaled as `scaling` says.
    """
    found = []
    for column, scaled in enumerate(numbers.T):
        values = torch.unique(scaled)
        if not _FEWEST_CODES <= len(values) <= min(_MOST_CODES, len(scaled) // _ROWS_OF_A_CODE):
            continue
        raw = values if scaling is None else values * scaling.std[column] + scaling.mean[column]
        if (raw - raw.round()).abs().amax() <= _WHOLE:
            found.append(column)
    return found


def forms_for(count: int, codes: Sequence[int]) -> list[tuple[Part, ...]]:
    """Return the forms of additive models of `count` numbers: which ramps each has, from few columns to many."""
    numbers = tuple(range(count))
    rest = tuple(number for number in numbers if number not in codes)
    forms: list[tuple[Part, ...]] = [((COARSE, numbers),)]
    if codes:
        forms.append(((CODES, tuple(codes)),))
        if rest:
            forms.append(((CODES, tuple(codes)), (FINE, rest)))
    return [*forms, ((FINE, numbers),)]
