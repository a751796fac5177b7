"""How much each batch counts in a step of training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dlrun.data.spec import Batch


def shares(batches: Sequence[Batch], rows: int) -> Sequence[float]:
    """Return the share of each batch in the step: of its `rows`, or of their weights if they have some.

    Of a batch that several processes share, it is the share of this process's rows.
    """
    if len(batches) == 1 and batches[0].part is None:
        return (1.0,)
    weights = [batch.weights.sum() for batch in batches if batch.weights is not None]
    whole = [batch.weights_of_all.sum() for batch in batches if batch.weights_of_all is not None]
    total = float(torch.stack(whole).sum()) if whole else 0.0
    if not total:  # no weights, or all of them are 0 and so is the loss
        return [batch.num_own / rows for batch in batches]
    return [float(weight) * bool(batch.num_own) / total for weight, batch in zip(weights, batches, strict=True)]


def scaled(values: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
    """Return the scalars of a batch times this process's share of it, so that their sum is that of the whole batch."""
    (own,) = shares((batch,), batch.num_rows)
    return {name: value * own for name, value in values.items()}
