"""Metrics of supervised tasks, accumulated on the device and read once at the end.

They are implemented here because importing the libraries that provide them takes 0.9 to 1.8 s, longer than a short run
trains. The tests compare each one with scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.spec import TargetScaling
from dlrun.tasks.merging import Others, joined_rows


class ClassificationMetrics:
    """Loss, accuracy, macro F1 and, for two classes, the area under the ROC curve."""

    def __init__(self, num_classes: int, device: torch.device) -> None:
        self._num_classes = num_classes
        self._confusion = torch.zeros(num_classes * num_classes, dtype=torch.int64, device=device)
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._scores: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._weights: list[Tensor] = []

    def add(self, logits: Tensor, targets: Tensor, loss: Tensor, weights: Tensor | None = None) -> None:
        """Add a batch. logits: (B, K), or (B, 1) for binary; targets: (B,) int64; loss: its mean; weights: (B,)."""
        binary = logits.shape[1] == 1
        predicted = (logits[:, 0] > 0).to(torch.int64) if binary else logits.argmax(dim=1)
        doubled = None if weights is None else weights.double()
        cells = targets * self._num_classes + predicted
        if doubled is None:
            self._confusion.index_add_(0, cells, torch.ones_like(cells))  # bincount waits for the device
        else:
            self._confusion = self._confusion.double().index_add_(0, cells, doubled)
        self._loss += loss.double() * (len(targets) if doubled is None else doubled.sum())
        if binary:
            self._scores.append(logits[:, 0].float())
            self._targets.append(targets)
            if doubled is not None:
                self._weights.append(doubled)

    def confusion(self) -> Tensor:
        """Return how many rows of each class were predicted as each, or their weights, (K, K) float64 on the CPU."""
        return self._confusion.reshape(self._num_classes, self._num_classes).double().cpu()

    def merge(self, others: Others) -> None:
        """Add the batches of other processes."""
        device = self._loss.device
        self._confusion = self._confusion.double()
        others.add(self._confusion)
        others.add(self._loss)
        self._scores = joined_rows(self._scores, others, torch.zeros(0, device=device))
        self._targets = joined_rows(self._targets, others, torch.zeros(0, dtype=torch.int64, device=device))
        self._weights = joined_rows(self._weights, others, torch.zeros(0, dtype=torch.float64, device=device))

    def result(self) -> dict[str, float]:
        """Return the metrics by name."""
        confusion = self.confusion()
        total = confusion.sum().item()
        correct = confusion.diagonal()
        # F1 is undefined for a class that is neither a target nor predicted
        seen = confusion.sum(dim=0) + confusion.sum(dim=1)
        f1 = (2 * correct / seen)[seen > 0]
        values = {
            "loss": self._loss.item() / total,
            "accuracy": correct.sum().item() / total,
            "macro_f1": f1.mean().item(),
        }
        if self._scores:
            weights = torch.cat(self._weights) if self._weights else None
            values["auroc"] = area_under_roc(torch.cat(self._scores), torch.cat(self._targets), weights)
        return values


class NextTokenMetrics:
    """Loss, perplexity and accuracy of predicting the next token."""

    def __init__(self, device: torch.device) -> None:
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._entropy = torch.zeros((), dtype=torch.float64, device=device)
        self._correct = torch.zeros((), dtype=torch.int64, device=device)
        self._count = 0

    def add(self, logits: Tensor, targets: Tensor, loss: Tensor, weights: Tensor | None = None) -> None:
        """Add a batch. logits: (B, T, V); targets: (B, T) int64; loss: its mean, a scalar; weights are not used."""
        del weights
        self._loss += loss.double() * targets.numel()
        self._entropy += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").double()
        self._correct += (logits.argmax(dim=2) == targets).sum()
        self._count += targets.numel()

    def merge(self, others: Others) -> None:
        """Add the batches of other processes."""
        count = torch.tensor(self._count, device=self._loss.device)
        for total in (self._loss, self._entropy, self._correct, count):
            others.add(total)
        self._count = int(count)

    def result(self) -> dict[str, float]:
        """Return the metrics by name."""
        return {
            "loss": self._loss.item() / self._count,
            "perplexity": (self._entropy / self._count).exp().item(),
            "accuracy": self._correct.item() / self._count,
        }


def area_under_roc(scores: Tensor, targets: Tensor, weights: Tensor | None = None) -> float:
    """Return the probability that a positive scores above a negative, a tie counting half (Mann-Whitney U).

    scores: (N,) float; targets: (N,) 0 or 1; weights: (N,) float64, or None. NaN if there is only one class.
    """
    if weights is not None:
        return _weighted_area(scores, targets == 1, weights)
    _, inverse, counts = torch.unique(scores.double(), return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    ranks = (ends - (counts.double() - 1) / 2)[inverse]  # from 1; equal scores share their mean rank
    positive = targets == 1
    num_positive = int(positive.sum())
    num_negative = len(targets) - num_positive
    if num_positive == 0 or num_negative == 0:
        return float("nan")
    u = ranks[positive].sum().item() - num_positive * (num_positive + 1) / 2
    return float(u / (num_positive * num_negative))


def _weighted_area(scores: Tensor, positive: Tensor, weights: Tensor) -> float:
    found, inverse = torch.unique(scores.double(), return_inverse=True)
    negatives = torch.zeros(len(found), dtype=torch.float64, device=scores.device)
    negatives.index_add_(0, inverse, weights * ~positive)  # (N,) -> (S,), of each score
    cumulated = negatives.cpu().cumsum(0).to(negatives)  # on a GPU torch has none with device.deterministic=true
    below = cumulated - negatives / 2  # ties count half
    pairs = weights[positive].sum() * negatives.sum()
    return float((weights * below[inverse])[positive].sum() / pairs) if pairs > 0 else float("nan")


PER_OUTPUT = ("rmse", "mae", "r2")
"""The metrics that RegressionMetrics returns for each output that has a label."""


class RegressionMetrics:
    """Loss, and RMSE, MAE and R² in the target's own units; R² is the mean over the outputs.

    labels: of the outputs, whose metrics are then returned one by one too, as `rmse_LABEL`.
    """

    def __init__(
        self,
        num_outputs: int,
        device: torch.device,
        *,
        scaling: TargetScaling | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        self._scaling = scaling or TargetScaling()
        self._labels = labels
        self._absolute_each = torch.zeros(num_outputs, dtype=torch.float64, device=device)
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._absolute = torch.zeros((), dtype=torch.float64, device=device)
        self._square = torch.zeros(num_outputs, dtype=torch.float64, device=device)
        self._targets: list[Tensor] = []
        self._weights: list[Tensor] = []

    def add(self, predicted: Tensor, targets: Tensor, loss: Tensor, weights: Tensor | None = None) -> None:
        """Add a batch. predicted and targets: (B, K); loss: its mean, a scalar; weights: (B,)."""
        raw = self._scaling.raw(targets)
        error = self._scaling.raw(predicted) - raw
        absolute, square, total = error.abs(), error.square(), loss.double() * len(targets)
        if weights is not None:
            column = weights.double().unsqueeze(1)  # (B,) -> (B, 1)
            absolute, square, total = absolute * column, square * column, loss.double() * column.sum()
            self._weights.append(column)
        self._absolute += absolute.sum()
        if self._labels:
            self._absolute_each += absolute.sum(dim=0)
        self._square += square.sum(dim=0)
        self._loss += total
        self._targets.append(raw)

    def merge(self, others: Others) -> None:
        """Add the batches of other processes."""
        for total in (self._loss, self._absolute, self._absolute_each, self._square):
            others.add(total)
        empty = torch.zeros(0, len(self._square), dtype=torch.float64, device=self._loss.device)
        self._targets = joined_rows(self._targets, others, empty)
        self._weights = joined_rows(self._weights, others, empty[:, :1])

    def result(self) -> dict[str, float]:
        """Return the metrics by name."""
        targets = torch.cat(self._targets)
        count: float = len(targets)
        if self._weights:
            weights = torch.cat(self._weights)  # (N, 1)
            count = weights.sum().item()
            spread = ((targets - (targets * weights).sum(dim=0) / count).square() * weights).sum(dim=0)
        else:
            spread = (targets - targets.mean(dim=0)).square().sum(dim=0)
        numbers = count * targets.shape[1]
        r2_each = torch.where(spread > 0, 1 - self._square / spread, torch.nan)
        r2 = r2_each.mean()
        each = {"rmse": (self._square / count).sqrt(), "mae": self._absolute_each / count, "r2": r2_each}
        of_outputs = {
            f"{name}_{label}": each[name][i].item() for i, label in enumerate(self._labels) for name in PER_OUTPUT
        }
        return {
            "loss": self._loss.item() / count,
            "rmse": (self._square.sum() / numbers).sqrt().item(),
            "mae": self._absolute.item() / numbers,
            "r2": r2.item(),
            **of_outputs,
        }
