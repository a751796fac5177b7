"""Several targets: what each one is by itself, and the metrics of all of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from dlrun.data.goals import Part, has_classes
from dlrun.data.spec import DataSpec
from dlrun.tasks.merging import Others


class Meter(Protocol):
    """The metrics of one pass over a split, updated batch by batch."""

    def add(self, outputs: Tensor, targets: Tensor, loss: Tensor, weights: Tensor | None = None) -> None:
        """Add a batch: the model's outputs in float32, the targets, the batch's mean loss, and weights as in Batch."""

    def merge(self, others: Others) -> None:
        """Add the batches of other processes."""

    def result(self) -> dict[str, float]:
        """Return the metrics by name."""


def labels_of(parts: Sequence[Part]) -> list[str]:
    """Return the targets' names as the ends of metrics' names: letters, digits, "_", "." and "-", each different."""
    labels: list[str] = []
    for number, part in enumerate(parts, start=1):
        label = re.sub(r"[^\w.-]+", "_", part.name).strip("_") or str(number)
        labels.append(label if label not in labels else f"{label}_{number}")
    return labels


def part_specs(spec: DataSpec) -> list[DataSpec]:
    """Return the spec of each target, as if it were the only one."""
    count = len(spec.parts)
    means = spec.target_mean if isinstance(spec.target_mean, tuple) else (spec.target_mean,) * count
    stds = spec.target_std if isinstance(spec.target_std, tuple) else (spec.target_std,) * count
    return [
        dataclasses.replace(
            spec,
            goal=part.goal,
            num_outputs=len(part.class_names) or 1,
            class_names=part.class_names,
            target_mean=mean,
            target_std=std,
            parts=(),
        )
        for part, mean, std in zip(spec.parts, means, stds, strict=True)
    ]


def targets_of_parts(parts: Sequence[Part], targets: Tensor) -> list[Tensor]:
    """Return the targets of each part, (B, K) -> (B,) int64 classes or (B, 1) float32 numbers each."""
    return [
        targets[:, column].to(torch.int64) if has_classes(part.goal) else targets[:, column : column + 1]
        for column, part in enumerate(parts)
    ]


class PartMetrics:
    """The sum of the losses, and the metrics of each target, as `accuracy_LABEL`.

    meters: of each target. slices: which outputs are those of each.
    """

    def __init__(self, meters: Sequence[Meter], spec: DataSpec, slices: Sequence[slice], device: torch.device) -> None:
        self.meters = meters
        self._parts, self._slices = spec.parts, slices
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._total = torch.zeros((), dtype=torch.float64, device=device)  # of the rows or their weights

    def add(self, outputs: Tensor, targets: Tensor, loss: Tensor, weights: Tensor | None = None) -> None:
        """Add a batch. outputs: (B, L); targets: (B, K); loss: its mean, a scalar; weights: (B,)."""
        for meter, place, of_part in zip(
            self.meters, self._slices, targets_of_parts(self._parts, targets), strict=True
        ):
            meter.add(outputs[:, place], of_part, loss, weights)
        total = len(targets) if weights is None else weights.double().sum()
        self._loss += loss.double() * total
        self._total += total

    def merge(self, others: Others) -> None:
        """Add the batches of other processes."""
        for meter in self.meters:
            meter.merge(others)
        others.add(self._loss)
        others.add(self._total)

    def result(self) -> dict[str, float]:
        """Return the metrics by name."""
        found = {"loss": (self._loss / self._total).item()}
        for label, meter in zip(labels_of(self._parts), self.meters, strict=True):
            found |= {f"{name}_{label}": value for name, value in meter.result().items() if name != "loss"}
        return found
