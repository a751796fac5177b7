"""How much each batch counts in a step of training, and the rows of this process in each batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dlrun.data.spec import Batch
from dlrun.tasks.weighted import Counts


def shares(batches: Sequence[Batch], rows: int) -> Sequence[float | Tensor]:
    """Return the share of each whole batch in the step: of its `rows`, or of their weights if they have some.

    Shares of weights are tensors, () float64 on the device: reading them would wait for it. They are 0 if all weights
    are, and so is the loss.
    """
    if len(batches) == 1:
        return (1.0,)
    weights = [batch.weights_of_all.sum() for batch in batches if batch.weights_of_all is not None]
    if not weights:
        return [batch.num_rows / rows for batch in batches]
    total = torch.stack(weights).sum().double()
    total = total.where(total != 0, 1.0)
    return [weight.double() / total for weight in weights]


def own_share(batch: Batch, counts: Counts | None = None) -> float | Tensor:
    """Return the share that the rows of this process have in the mean over the whole batch that a loss is.

    counts: how much each row counts; None if all count alike, or as their weights say. Then the share is a tensor, ()
    float64 on the device.
    """
    part = batch.part
    if part is None:
        return 1.0
    if part.is_empty:
        return 0.0
    each = part.weights if counts is None or part.targets is None else counts(part.targets, part.weights)
    if each is None:
        return batch.num_own / part.rows
    total = each.sum(dtype=torch.float64)
    total = total.where(total != 0, 1.0)  # the loss is 0 in any case
    return each[part.present].sum(dtype=torch.float64) / total
