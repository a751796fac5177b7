"""Baselines of several targets of different kinds: those that each target has alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from dlrun.baselines.baseline import Baseline, Check
from dlrun.configuration.schema.fields import Augment
from dlrun.data.loading.split import Split
from dlrun.data.prepare import DataBundle
from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.parts import labels_of, part_specs, targets_of_parts


class PartsBaseline(Baseline):
    """A baseline for each target, measured by that target's own metrics."""

    def __init__(self, spec: DataSpec, name: str, baselines: Sequence[Baseline]) -> None:
        self.name, self.kind = name, baselines[0].kind
        self._spec, self._baselines = spec, baselines

    def metrics(self, split: Split, *, check: Check) -> dict[str, float]:
        found: dict[str, float] = {}
        each = zip(labels_of(self._spec.parts), self._baselines, _splits(split, self._spec), strict=True)
        for label, baseline, alone in each:
            found |= {f"{name}_{label}": value for name, value in baseline.metrics(alone, check=check).items()}
        return found


def of_each_part(data: DataBundle) -> list[DataBundle]:
    """Return the data with each of its targets as the only one; only the training rows of it are used."""
    return [
        dataclasses.replace(data, spec=spec, train=split)
        for spec, split in zip(part_specs(data.spec), _splits(data.train, data.spec), strict=True)
    ]


def _splits(split: Split, spec: DataSpec) -> list[Split]:
    return [_PartSplit(split, targets) for targets in targets_of_parts(spec.parts, split.targets)]


class _PartSplit(Split):
    """The rows of a split with other targets."""

    def __init__(self, split: Split, targets: Tensor) -> None:
        self._split = split
        self.targets, self.lengths, self.weights = targets, split.lengths, split.weights

    @property
    def row_bytes(self) -> int:
        return self._split.row_bytes

    @property
    def index_device(self) -> torch.device:
        return self._split.index_device

    def to(self, device: torch.device) -> Split:
        """Return the same split on another device."""
        return _PartSplit(self._split.to(device), self.targets.to(device))

    def fetch(self, rows: Tensor | slice, *, augment: Augment | None = None, seed: int = 0, epoch: int = 0) -> Batch:
        batch = self._split.fetch(rows, augment=augment, seed=seed, epoch=epoch)
        index = rows if isinstance(rows, slice) else rows.to(self.targets.device)
        return batch._replace(targets=self.targets[index])
