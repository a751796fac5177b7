"""Confusion, curves, calibration and worst mistakes of a target with classes."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from dlrun.data.spec import DataSpec
from dlrun.runs.analysis.curves import class_curves
from dlrun.runs.analysis.reports import NUM_BINS, Bin, ClassCurves, ClassReport, Mistake
from dlrun.runs.analysis.worst import Worst
from dlrun.tasks.goals import MulticlassGoal, goal_of
from dlrun.tasks.per_class import ByClass, figures_of, worst_classes

_MOST_SCORES = 8_000_000  # kept, of all rows and classes, for the curves


class ClassObserver:
    """Watches one pass over a split.

    name: of the target. spec: of this target alone. num_rows: of the split. most: mistakes to keep.
    """

    def __init__(self, spec: DataSpec, *, name: str, num_rows: int, most: int) -> None:
        goal = goal_of(spec)
        if not isinstance(goal, MulticlassGoal):
            raise TypeError(f"{name}: a target without classes")
        self._goal, self._spec, self._name = goal, spec, name
        self._num_classes = spec.num_outputs
        self._stride = math.ceil(num_rows * self._num_classes / _MOST_SCORES)
        self._confusion = torch.zeros(self._num_classes**2, dtype=torch.float64)
        self._bins = torch.zeros(3, NUM_BINS, dtype=torch.float64)  # weight, confidence, correct
        self._kept: list[tuple[Tensor, Tensor, Tensor]] = []
        self._worst = Worst(most)
        self._num_rows = self._num_wrong = 0
        self._is_weighted = False

    def add(self, first: int, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> None:
        """Add a batch. first: the number of its first row. outputs: (B, L) float32; targets: (B,); weights: (B,)."""
        outputs, targets = outputs.cpu(), targets.cpu()
        self._is_weighted = self._is_weighted or weights is not None
        weight = torch.ones(len(targets), dtype=torch.float64) if weights is None else weights.double().cpu()
        shares, chosen = self._goal.probabilities(outputs)  # (B, K), (B,)
        self._confusion.index_add_(0, targets * self._num_classes + chosen, weight)
        confidence = shares.gather(1, chosen.unsqueeze(1))[:, 0]  # (B, K) -> (B,)
        right = chosen == targets
        place = (confidence * NUM_BINS).nan_to_num(0).long().clamp(0, NUM_BINS - 1)
        self._bins.index_add_(1, place, torch.stack([weight, weight * confidence, weight * right]))
        rows = torch.arange(first, first + len(targets))
        keep = rows % self._stride == 0
        self._kept.append((shares[keep].float(), targets[keep], weight[keep]))
        wrong = ~right
        of_truth = shares.gather(1, targets.unsqueeze(1))[:, 0]
        each = (-of_truth.log(), rows, targets, chosen, confidence, of_truth)
        self._worst.add(*(values[wrong] for values in each))
        self._num_rows += len(targets)
        self._num_wrong += int(wrong.sum())

    def report(self) -> ClassReport:
        """Return what was found."""
        weight, confidence, correct = self._bins
        seen = weight > 0
        total = weight.sum().clamp(min=1e-300)
        bins = [
            Bin((sum_confidence / size).item(), (sum_correct / size).item(), (size / total).item())
            for size, sum_confidence, sum_correct in zip(weight[seen], confidence[seen], correct[seen], strict=True)
        ]
        confusion = self._confusion.reshape(self._num_classes, -1)
        figures = figures_of(confusion, self._spec.class_names)
        return ClassReport(
            self._name,
            self._spec.class_names,
            confusion.numpy(),
            figures,
            self._curves(figures),
            bins,
            sum(each.share * abs(each.accuracy - each.confidence) for each in bins),
            self._num_rows,
            sum(len(targets) for _, targets, _ in self._kept),
            self._num_wrong,
            self._is_weighted,
            self._mistakes(),
        )

    def _curves(self, figures: ByClass) -> list[ClassCurves]:
        """The curves of the classes that `result.json` has figures of."""
        shares, targets, weights = (torch.cat(each).numpy() for each in zip(*self._kept, strict=True))
        names, listed = self._spec.class_names, worst_classes(figures)
        wanted = [number for number, name in enumerate(names) if name in listed]
        found = [
            class_curves(names[number], shares[:, number], targets == number, weights.astype(np.float64))
            for number in wanted
        ]
        return [curves for curves in found if curves is not None]

    def _mistakes(self) -> list[Mistake]:
        names = self._spec.class_names
        columns = [self._worst.rows, *self._worst.details]
        return [
            Mistake(int(row), names[int(truth)], names[int(chosen)], f"{sure:.1%} sure, true class {of_truth:.1%}")
            for row, truth, chosen, sure, of_truth in zip(*(column.tolist() for column in columns), strict=True)
        ]
