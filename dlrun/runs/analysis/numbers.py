"""Residuals and worst mistakes of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dlrun.data.spec import DataSpec
from dlrun.runs.analysis.reports import Mistake, NumberReport, Window
from dlrun.runs.analysis.worst import Worst
from dlrun.wording import numbers

_MOST_NUMBERS = 2_000_000  # kept, of all rows and outputs
_MOST_NAMED = 4  # numbers of a row that are written out


class NumberObserver:
    """Watches one pass over a split.

    names: of the targets; a forecast has them for each step ahead, first all of one step. spec: of these targets alone.
    num_rows: of the split. most: mistakes to keep.
    """

    def __init__(self, spec: DataSpec, *, names: Sequence[str], num_rows: int, most: int) -> None:
        self._spec, self._names = spec, names
        self._steps = spec.num_outputs // len(names)
        self._stride = math.ceil(num_rows * spec.num_outputs / _MOST_NUMBERS)
        self._truth: list[Tensor] = []
        self._predicted: list[Tensor] = []
        self.worst = Worst(most)
        self._num_rows = 0

    def add(self, first: int, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> None:
        """Add a batch. first: the number of its first row. outputs, targets: (B, K) float32, scaled."""
        del weights  # each row is shown alike
        outputs, targets = outputs.cpu(), targets.cpu()
        scaling = self._spec.target_scaling
        predicted, truth = scaling.raw(outputs), scaling.raw(targets)  # (B, K) float64
        rows = torch.arange(first, first + len(targets))
        keep = rows % self._stride == 0
        self._truth.append(truth[keep])
        self._predicted.append(predicted[keep])
        self.worst.add((outputs - targets).double().abs().mean(dim=1), rows, truth, predicted)
        self._num_rows += len(targets)

    def reports(self) -> list[NumberReport]:
        """Return what was found of each target."""
        truth, predicted = torch.cat(self._truth), torch.cat(self._predicted)  # (N, K)
        own = [slice(place, None, len(self._names)) for place in range(len(self._names))]
        return [
            NumberReport(
                name, truth[:, each].numpy(), predicted[:, each].numpy(), self._num_rows, bool(self._spec.continues)
            )
            for name, each in zip(self._names, own, strict=True)
        ]

    def mistakes(self) -> list[Mistake]:
        """Return the rows that are farthest off on average, in units of the targets' standard deviations."""
        if not len(self.worst.rows):
            return []
        truths, predictions = self.worst.details  # (M, K) each
        windows = [
            self._windows(*pair) if self._spec.continues else () for pair in zip(truths, predictions, strict=True)
        ]
        columns = (self._written(truths), self._written(predictions), self._distances(truths, predictions), windows)
        return [
            Mistake(row, truth, predicted, note, windows=each)
            for row, truth, predicted, note, each in zip(self.worst.rows.tolist(), *columns, strict=True)
        ]

    def _windows(self, truth: Tensor, predicted: Tensor) -> list[Window]:
        """Each target of a forecast over its steps ahead."""
        count = len(self._names)
        return [
            Window(name, (), truth[place::count].tolist(), predicted[place::count].tolist())
            for place, name in enumerate(self._names[:_MOST_NAMED])
        ]

    def _written(self, values: Tensor) -> list[str]:
        """The values of each row, (M, K), as text; nothing for the steps of a forecast, which are drawn."""
        if self._steps > 1:
            return [""] * len(values)
        columns = [_column(each) for each in values.T[:_MOST_NAMED]]
        if len(self._names) == 1:
            return columns[0]
        more = ", …" if len(self._names) > _MOST_NAMED else ""
        named = [[f"{name} {text}" for text in column] for name, column in zip(self._names, columns, strict=False)]
        return [f"{', '.join(row)}{more}" for row in zip(*named, strict=True)]

    def _distances(self, truths: Tensor, predictions: Tensor) -> list[str]:
        """In the target's unit; of several targets, which have several units, in standard deviations."""
        if len(self._names) > 1:
            return [f"off by {text} standard deviations on average" for text in numbers(self.worst.scores.tolist())]
        differences = predictions - truths  # (M, K)
        if self._steps == 1:
            return [f"off by {text}" for text in _column(differences[:, 0])]
        return [f"off by {text} on average" for text in _column(differences.abs().mean(dim=1))]


def _column(values: Tensor) -> list[str]:
    """Numbers, (M,), as they were before they were scaled in float32, which has about seven digits: 5, not 5.0000."""
    return numbers([float(f"{value:.6g}") for value in values.tolist()])
