"""The rows with the highest scores of a pass."""

from __future__ import annotations

import torch

from dlrun.runs.analysis.worst import Worst


def test_the_highest_of_all_batches_are_kept_with_their_details() -> None:
    worst = Worst(3)
    worst.add(torch.tensor([1.0, 5.0]), torch.tensor([0, 1]), torch.tensor([10, 11]))
    worst.add(torch.tensor([]), torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64))
    worst.add(torch.tensor([5.0, float("nan"), 2.0]), torch.tensor([2, 3, 4]), torch.tensor([12, 13, 14]))
    assert worst.rows.tolist() == [3, 1, 2]  # not a number is the worst; of equal ones the first comes first
    assert worst.details[0].tolist() == [13, 11, 12]


def test_none_are_kept_if_none_are_wanted() -> None:
    worst = Worst(0)
    worst.add(torch.tensor([1.0]), torch.tensor([0]), torch.tensor([1]))
    assert len(worst.rows) == 0
