"""How much each batch counts in a step of training, and the rows of this process in each batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dlrun.data.spec import Batch
from dlrun.tasks.weighted import Counts


def shares(batches: Sequence[Batch], rows: int) -> Sequence[float]:
    """Return the share of each whole batch in the step: of its `rows`, or of their weights if they have some."""
    if len(batches) == 1:
        return (1.0,)
    weights = [batch.weights_of_all.sum() for batch in batches if batch.weights_of_all is not None]
    total = float(torch.stack(weights).sum()) if weights else 0.0
    if not total:  # no weights, or all of them are 0 and so is the loss
        return [batch.num_rows / rows for batch in batches]
    return [float(weight) / total for weight in weights]


def own_share(batch: Batch, counts: Counts | None = None) -> float:
    """Return the share that the rows of this process have in the mean over the whole batch that a loss is.

    counts: how much each row counts; None if all count alike, or as their weights say.
    """
    part = batch.part
    if part is None:
        return 1.0
    if part.is_empty:
        return 0.0
    each = part.weights if counts is None or part.targets is None else counts(part.targets, part.weights)
    if each is not None:
        total = float(each.sum(dtype=torch.float64))
        if total:  # otherwise the loss is 0 in any case
            return float(each[part.present].sum(dtype=torch.float64)) / total
    return batch.num_own / part.rows
