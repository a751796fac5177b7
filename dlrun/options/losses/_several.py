"""The loss of several targets: the sum of their losses, of numbers on their standardised scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from dlrun.data.spec import DataSpec
from dlrun.tasks.parts import targets_of_parts
from dlrun.tasks.weighted import weighted_loss


class SumOfLosses(nn.Module):
    """The sum of a loss for each target. slices: which outputs are those of each."""

    def __init__(self, losses: Sequence[nn.Module], spec: DataSpec, slices: Sequence[slice]) -> None:
        super().__init__()
        self.losses = nn.ModuleList(losses)
        self._parts, self._slices = spec.parts, slices

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(B, L), (B, K) -> scalar."""
        return torch.stack([loss(*of_part) for loss, *of_part in self._each(outputs, targets)]).sum()  # (K,) -> ()

    def weighted(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """(B, L), (B, K), (B,) -> scalar."""
        found = []
        for loss, output, target in self._each(outputs, targets):
            weighted = weighted_loss(loss)
            assert weighted is not None, loss  # noqa: S101 - all of them are dlrun's own
            found.append(weighted(output, target, weights))
        return torch.stack(found).sum()  # (K,) -> ()

    def _each(self, outputs: Tensor, targets: Tensor) -> Iterator[tuple[nn.Module, Tensor, Tensor]]:
        each = zip(self.losses, self._slices, targets_of_parts(self._parts, targets), strict=True)
        return ((loss, outputs[:, place], of_part) for loss, place, of_part in each)
