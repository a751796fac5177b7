"""Linear models without a closed form, fitted by L-BFGS: logistic regression, and squared error on sparse rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.baselines.baseline import Check

LinearLoss = Literal["squared", "logistic", "softmax"]
_MOST_ITERATIONS = 100
_TOLERANCE = 1e-5  # of the largest entry of the gradient of the mean loss


class Matrix(ABC):
    """Training rows of a linear model, (N, P)."""

    num_rows: int
    num_features: int
    dtype: torch.dtype

    @abstractmethod
    def times(self, weights: Tensor) -> Tensor:
        """(P, K) -> (N, K)."""

    @abstractmethod
    def transposed_times(self, residuals: Tensor) -> Tensor:
        """(N, K) -> (P, K)."""


class Dense(Matrix):
    """Rows of numbers."""

    def __init__(self, rows: Tensor) -> None:
        self._rows = rows
        self.num_rows, self.num_features, self.dtype = rows.shape[0], rows.shape[1], rows.dtype

    def times(self, weights: Tensor) -> Tensor:
        return self._rows @ weights

    def transposed_times(self, residuals: Tensor) -> Tensor:
        return self._rows.T @ residuals


class Sparse(Matrix):
    """Rows that are mostly zeros. rows, columns: (M,) int64, where `values`, (M,), are, sorted by row.

    Sums of weighted embeddings are used for products: 10 to 20 times as fast as torch's sparse COO format.
    """

    def __init__(self, rows: Tensor, columns: Tensor, values: Tensor, *, size: tuple[int, int]) -> None:
        self.num_rows, self.num_features = size
        self.dtype = values.dtype
        by_column = torch.argsort(columns, stable=True)
        self._by_row = columns, _starts(rows, self.num_rows), values
        self._by_column = rows[by_column], _starts(columns, self.num_features), values[by_column]

    def times(self, weights: Tensor) -> Tensor:
        return _weighted_sums(weights, *self._by_row)

    def transposed_times(self, residuals: Tensor) -> Tensor:
        return _weighted_sums(residuals, *self._by_column)


def _starts(groups: Tensor, count: int) -> Tensor:
    """Where each group begins, (M,) sorted or not -> (count,)."""
    sizes = torch.bincount(groups, minlength=count)
    return sizes.cumsum(0) - sizes


def _weighted_sums(table: Tensor, index: Tensor, starts: Tensor, values: Tensor) -> Tensor:
    """The sum of `values` times rows of a table, (R, K), for each group: (groups, K)."""
    return F.embedding_bag(index, table, starts, mode="sum", per_sample_weights=values)


def fit_linear(
    rows: Matrix,
    targets: Tensor,
    *,
    loss: LinearLoss,
    strength: float,
    check: Check,
    row_weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return weights, (P, K), and intercepts, (K,), that minimise sum(loss) + strength / 2 * |weights|^2.

    targets: (N, K) numbers for "squared" (half the squared error), (N,) classes 0 and 1 for "logistic" (one output),
    (N,) classes and K of them for "softmax". row_weights: (N,) with the mean 1, of
    the terms of the sum. Intercepts are not penalised. At most 100 iterations; deterministic.
    """
    wanted = _as_outputs(targets, loss).to(rows.dtype)  # (N, K)
    weights = torch.zeros(rows.num_features, wanted.shape[1], dtype=rows.dtype, requires_grad=True)
    bias = torch.zeros(wanted.shape[1], dtype=rows.dtype, requires_grad=True)
    pull = strength / rows.num_rows
    each = None if row_weights is None else row_weights.to(rows.dtype).unsqueeze(1)  # (N,) -> (N, 1)
    search = torch.optim.LBFGS(
        [weights, bias], max_iter=_MOST_ITERATIONS, tolerance_grad=_TOLERANCE, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        check()
        now = weights.detach()
        scores = rows.times(now) + bias.detach()
        value, residuals = _loss_and_residuals(scores, wanted, loss, each)
        weights.grad = rows.transposed_times(residuals) / rows.num_rows + pull * now
        bias.grad = residuals.mean(dim=0)
        return value + pull / 2 * now.square().sum()

    search.step(objective)  # type: ignore[no-untyped-call]
    return weights.detach().double(), bias.detach().double()


def _as_outputs(targets: Tensor, loss: LinearLoss) -> Tensor:
    if loss == "softmax":
        return F.one_hot(targets)  # (N,) -> (N, K)
    return targets.unsqueeze(1) if loss == "logistic" else targets


def _loss_and_residuals(scores: Tensor, wanted: Tensor, loss: LinearLoss, each: Tensor | None) -> tuple[Tensor, Tensor]:
    """The mean loss of the rows, and its derivative by each row's scores times the number of rows, (N, K)."""
    if each is not None:
        return _weighted_loss_and_residuals(scores, wanted, loss, each)
    if loss == "squared":
        residuals = scores - wanted
        return residuals.square().sum() / (2 * len(scores)), residuals
    if loss == "logistic":
        return F.binary_cross_entropy_with_logits(scores, wanted), scores.sigmoid() - wanted
    logs = scores.log_softmax(dim=1)
    return -(logs * wanted).sum() / len(scores), logs.exp() - wanted


def _weighted_loss_and_residuals(
    scores: Tensor, wanted: Tensor, loss: LinearLoss, each: Tensor
) -> tuple[Tensor, Tensor]:
    if loss == "squared":
        residuals = scores - wanted
        return (residuals.square() * each).sum() / (2 * len(scores)), residuals * each
    if loss == "logistic":
        value = F.binary_cross_entropy_with_logits(scores, wanted, weight=each)
        return value, (scores.sigmoid() - wanted) * each
    logs = scores.log_softmax(dim=1)
    return -(logs * wanted * each).sum() / len(scores), (logs.exp() - wanted) * each
