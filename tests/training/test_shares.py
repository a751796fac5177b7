"""dlrun.training.shares: how much batches and the rows of a process count."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dlrun.data.loading.shard import BatchPart
from dlrun.data.spec import Batch
from dlrun.tasks.weighted import counts_of
from dlrun.training.shares import own_share, shares


def batch_of(part: BatchPart) -> Batch:
    count = part.num_present
    return Batch(torch.zeros(count, 2), torch.zeros(count, dtype=torch.int64), part=part)


def test_one_batch_is_the_whole_step() -> None:
    assert shares([batch_of(BatchPart(0, 2, 5))], 5) == (1.0,)


def test_batches_count_by_all_of_their_rows_or_weights() -> None:
    parts = [BatchPart(0, 2, 6), BatchPart(0, 1, 2)]
    assert shares([batch_of(part) for part in parts], 8) == [0.75, 0.25]
    weights = [torch.ones(6), torch.tensor([1.0, 3.0])]
    weighed = [BatchPart(part.first, part.last, part.rows, w) for part, w in zip(parts, weights, strict=True)]
    assert shares([batch_of(part) for part in weighed], 8) == [0.6, 0.4]


def test_the_rows_of_a_process_count_by_number_or_by_weight() -> None:
    assert own_share(Batch(torch.zeros(3, 2), torch.zeros(3))) == 1.0
    assert own_share(batch_of(BatchPart(1, 3, 8))) == 0.25
    assert own_share(batch_of(BatchPart(1, 3, 4, torch.tensor([5.0, 1.0, 2.0, 2.0])))) == pytest.approx(0.3)
    assert own_share(batch_of(BatchPart(1, 1, 3))) == 0.0  # it has the first row, which counts elsewhere
    assert own_share(batch_of(BatchPart(0, 1, 2, torch.zeros(2)))) == 0.0  # and so is the loss


def test_the_rows_count_by_the_weights_of_their_classes() -> None:
    counts = counts_of(nn.CrossEntropyLoss(weight=torch.tensor([1.0, 4.0])), torch.tensor([0, 1]))
    part = BatchPart(0, 2, 4, targets=torch.tensor([0, 1, 0, 1]))
    assert own_share(batch_of(part), counts) == 0.5
    part = BatchPart(0, 2, 4, torch.tensor([1.0, 1.0, 5.0, 0.0]), torch.tensor([0, 1, 0, 1]))
    assert own_share(batch_of(part), counts) == 0.5  # 1 + 4 of 1 + 4 + 5 + 0


def test_the_shares_make_the_mean_of_the_whole_batch_of_those_of_its_parts() -> None:
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0, 0.5]), label_smoothing=0.1)
    source = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(7, 3, generator=source), torch.tensor([0, 1, 2, 2, 1, 0, 1])
    found: list[Tensor] = []
    for part in (BatchPart(0, 3, 7, targets=targets), BatchPart(3, 7, 7, targets=targets)):
        found.append(
            loss(logits[part.present], targets[part.present]) * own_share(batch_of(part), counts_of(loss, targets))
        )
    torch.testing.assert_close(torch.stack(found).sum(), loss(logits, targets), check_dtype=False)
