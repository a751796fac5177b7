"""ROC and precision-recall curves of one class against the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlrun.runs.analysis.reports import ClassCurves

_MOST_VERTICES = 160
Floats = NDArray[np.float64]


def class_curves(
    name: str, scores: NDArray[np.floating], positive: NDArray[np.bool_], weights: Floats
) -> ClassCurves | None:
    """Return the curves of a class; None if all rows or none are of it.

    scores: (N,), higher for the class. weights: (N,). Rows with equal scores are one step, so that a tie counts half in
    the area; the average precision is the sum of precisions weighted by the gain in recall, as scikit-learn has it.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(np.where(positive, weights, 0.0)[order])
    misses = np.cumsum(np.where(positive, 0.0, weights)[order])
    if hits[-1] <= 0 or misses[-1] <= 0:
        return None
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # the last row of each score
    hits, misses = hits[ends], misses[ends]
    true_rate, false_rate = hits / hits[-1], misses / misses[-1]
    precision = np.divide(hits, hits + misses, out=np.ones_like(hits), where=hits + misses > 0)
    gain = np.diff(true_rate, prepend=0.0)
    x, y = np.concatenate([[0.0], false_rate]), np.concatenate([[0.0], true_rate])
    return ClassCurves(
        name,
        auroc=float(((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2).sum()),
        average_precision=float((gain * precision).sum()),
        roc=thinned(x, y),
        recall=thinned(np.concatenate([[0.0], true_rate]), np.concatenate([precision[:1], precision])),
    )


def thinned(x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> list[tuple[float, float]]:
    """Return a curve through at most 160 of its vertices, spread evenly along it, with both ends."""
    across, along = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    places = np.arange(len(across))
    if len(across) > _MOST_VERTICES:
        length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(across)) + np.abs(np.diff(along)))])
        wanted = np.linspace(0, length[-1], _MOST_VERTICES - 1)
        places = np.unique(np.append(np.searchsorted(length, wanted), len(across) - 1).clip(0, len(across) - 1))
    return [(float(across[place]), float(along[place])) for place in places]
