"""Ridge regression in closed form, its strength by generalised cross-validation (Golub, Heath and Wahba 1979)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

STRENGTHS = tuple(10.0 ** (half / 2) for half in range(-6, 13))
"""The strengths to choose from: 0.001 to 1,000,000, two for each power of ten."""

_RANK = 1e-12  # eigenvalues below this share of the largest are 0


class Ridge(NamedTuple):
    """A fitted ridge regression. weights: (P, K); intercept, strength: (K,), one for each output; all float64."""

    weights: Tensor
    intercept: Tensor
    strength: Tensor

    def predict(self, inputs: Tensor) -> Tensor:
        """(B, P) -> (B, K)."""
        return inputs @ self.weights + self.intercept


def fit_ridge(inputs: Tensor, targets: Tensor, row_weights: Tensor | None = None) -> Ridge:
    """Return, for each output, the weights w and intercept b that minimise sum((x w + b - y)^2) + strength |w|^2.

    inputs: (N, P) float64; targets: (N, K) float64; row_weights: (N,) float64 with the mean 1, of the
    terms. The intercept is not penalised. Costs N P min(N, P).
    """
    if row_weights is None:
        centre, level = inputs.mean(dim=0), targets.mean(dim=0)
        rows, wanted = inputs - centre, targets - level
    else:
        each = row_weights.unsqueeze(1)  # (N,) -> (N, 1)
        centre, level = (inputs * each).mean(dim=0), (targets * each).mean(dim=0)
        rows, wanted = (inputs - centre) * each.sqrt(), (targets - level) * each.sqrt()
    narrow = rows.shape[1] <= rows.shape[0]
    values, vectors = torch.linalg.eigh(rows.T @ rows if narrow else rows @ rows.T)  # (R,), (R, R); R = min(N, P)
    kept = values > values.amax().clamp(min=0) * _RANK
    values, vectors = values[kept], vectors[:, kept]
    roots = values.sqrt()
    if narrow:
        projected = (vectors.T @ (rows.T @ wanted)) / roots[:, None]  # coordinates in the left singular vectors
    else:
        projected = vectors.T @ wanted  # (R, N) @ (N, K) -> (R, K)
    strength = _best_strength(values, projected, wanted)
    shrunk = projected / (values[:, None] + strength)  # (R, K)
    weights = vectors @ (shrunk * roots[:, None]) if narrow else rows.T @ (vectors @ shrunk)  # -> (P, K)
    return Ridge(weights, level - centre @ weights, strength)


def _best_strength(values: Tensor, projected: Tensor, wanted: Tensor) -> Tensor:
    """Return the strength of the smallest N * residuals / (N - degrees of freedom)^2 for each output, (K,)."""
    count = len(wanted)
    outside = (wanted.square().sum(dim=0) - projected.square().sum(dim=0)).clamp(min=0)  # (K,)
    scores = []
    for strength in STRENGTHS:
        left = strength / (values + strength)  # (R,), the share of each component that remains
        residuals = (left[:, None] * projected).square().sum(dim=0) + outside
        free = count - 1 - (1 - left).sum()  # one degree of freedom is the intercept's
        scores.append(count * residuals / free.clamp(min=1e-9).square())
    best = torch.stack(scores).argmin(dim=0)  # (strengths, K) -> (K,)
    return torch.tensor(STRENGTHS, dtype=torch.float64)[best]
