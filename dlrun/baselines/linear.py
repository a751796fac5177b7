"""The linear model: ridge regression for numbers, logistic regression for classes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dlrun.baselines.baseline import BaselineKind, Check, OutputBaseline, gathered, on_rows, sample, weights_of
from dlrun.baselines.descent import Dense, LinearLoss, fit_linear
from dlrun.baselines.features import Features
from dlrun.baselines.ridge import fit_ridge
from dlrun.data.loading.split import Split
from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.goals import num_logits

_FEWEST_ROWS = 50  # that a sample has; where less fit the work allowed, there is no linear model
_RIDGE_WORK = 10_000_000_000  # rows * features * the smaller of both
_RIDGE_WIDTH = 1000  # the larger matrix whose eigenvalues take under half a second
_LOGISTIC_WORK = 40_000_000  # rows * features * classes of one evaluation, of up to 125
_MOST_VALUES = 10_000_000  # rows * features, 80 MB; fitting needs them three times
_DOUBLE_VALUES = 2_000_000  # up to which logistic regression computes in float64
_LOGISTIC_STRENGTH = 1.0  # of the penalty, as in scikit-learn


class LinearModel(OutputBaseline):
    """Features times weights plus intercept. weights: (P, K); intercept: (K,)."""

    kind: BaselineKind = "simple"

    def __init__(self, spec: DataSpec, name: str, features: Features, weights: Tensor, intercept: Tensor) -> None:
        super().__init__(spec, width=features.width)
        self.name = name
        self._features, self._weights, self._intercept = features, weights, intercept

    def affine(self) -> tuple[Tensor, Tensor]:
        """Return weights, (P, K), and intercept, (K,), for features as they are before they are standardised."""
        return self._features.for_encoded(self._weights, self._intercept)

    def outputs(self, batch: Batch) -> Tensor:
        return self._features(batch.inputs) @ self._weights + self._intercept  # (B, P) -> (B, K)


def rows_for_ridge(width: int) -> int:
    """Return the most training rows of so many features that take about a second."""
    by_size = _MOST_VALUES // width
    if width <= _RIDGE_WIDTH:
        return min(by_size, _RIDGE_WORK // width**2)
    return min(by_size, _RIDGE_WIDTH, math.isqrt(_RIDGE_WORK // width))


def rows_for_logistic(width: int, num_classes: int) -> int:
    """Return the most training rows of so many features that take about two seconds."""
    return min(_MOST_VALUES // width, _LOGISTIC_WORK // (width * max(4, num_classes)))


def ridge_model(spec: DataSpec, train: Split, *, most_rows: int, seed: int, check: Check) -> LinearModel | None:
    """Return ridge regression on the training rows, or at most `most_rows` of them; None with too many features."""
    features = Features(spec)
    index = _chosen(len(train), min(most_rows, rows_for_ridge(max(1, features.width))), seed=seed)
    if index is None:
        return None
    check()
    rows = _rows(train, index, features)
    check()
    fitted = fit_ridge(rows, train.targets.cpu()[index].double(), weights_of(train, index))
    name = on_rows("linear model", len(index), len(train))
    return LinearModel(spec, name, features, fitted.weights, fitted.intercept)


def logistic_model(spec: DataSpec, train: Split, *, most_rows: int, seed: int, check: Check) -> LinearModel | None:
    """Return logistic regression on the training rows, or at most `most_rows` of them; None with too many features."""
    features = Features(spec)
    index = _chosen(len(train), min(most_rows, rows_for_logistic(max(1, features.width), spec.num_outputs)), seed=seed)
    if index is None:
        return None
    check()
    rows = _rows(train, index, features)
    centre = rows.mean(dim=0)  # an intercept in other words, and L-BFGS needs fewer iterations
    rows -= centre
    matrix = Dense(rows if rows.numel() <= _DOUBLE_VALUES else rows.float())
    weights, intercept = fit_classes(
        spec,
        lambda targets, loss: fit_linear(
            matrix,
            targets,
            loss=loss,
            strength=_LOGISTIC_STRENGTH,
            check=check,
            row_weights=weights_of(train, index),
        ),
        train.targets.cpu()[index],
    )
    name = on_rows("linear model", len(index), len(train))
    return LinearModel(spec, name, features, weights, intercept - centre @ weights)


def fit_classes(
    spec: DataSpec, fit: Callable[[Tensor, LinearLoss], tuple[Tensor, Tensor]], targets: Tensor
) -> tuple[Tensor, Tensor]:
    """Fit the classes that a sample of the training rows has; the others get a logit that is never the largest.

    fit: returns weights, (P, K), and intercepts, (K,), for classes 0 to K - 1 and the loss that they are fitted by.
    """
    if num_logits(spec) == 1:
        return fit(targets, "logistic")
    known, codes = torch.unique(targets, return_inverse=True)
    some_weights, some_intercepts = fit(codes, "softmax")
    weights = torch.zeros(len(some_weights), spec.num_outputs, dtype=torch.float64)
    intercepts = torch.full((spec.num_outputs,), -1e9, dtype=torch.float64)
    weights[:, known], intercepts[known] = some_weights, some_intercepts
    return weights, intercepts


def _chosen(num_rows: int, most: int, *, seed: int) -> Tensor | None:
    return None if most < min(num_rows, _FEWEST_ROWS) else sample(num_rows, most, seed=seed)


def _rows(train: Split, index: Tensor, features: Features) -> Tensor:
    """(N, P) float64; statistics are fitted on all of these rows at once."""
    return features.fit(gathered(train, index, max(1, _MOST_VALUES // (8 * features.width + 1))))
