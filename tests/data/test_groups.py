"""dlrun.data.groups: whole groups, in about the shares that were asked, drawn by seed and stratified."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import dlrun.data.groups as module
from dlrun.data.groups import deal
from dlrun.errors import DataError

SHARES = [0.72, 0.08, 0.2]


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def of_sizes(*sizes: int) -> Tensor:
    """(N,): sizes[g] rows of group 7 * g."""
    return torch.repeat_interleave(7 * torch.arange(len(sizes)), torch.tensor(sizes))


def shares_of(split: Tensor, num_splits: int = 3) -> list[float]:
    return (torch.bincount(split, minlength=num_splits) / len(split)).tolist()


@pytest.mark.parametrize("sizes", [range(1, 41), [5] * 40, [1] * 300, [60, *[1] * 100]])
@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_split_and_the_shares_are_about_those_asked(sizes: list[int], seed: int) -> None:
    groups = of_sizes(*sizes)
    split = deal(groups, None, SHARES, drawn(seed))
    assert all(len(split[groups == group].unique()) == 1 for group in groups.unique())
    assert shares_of(split) == pytest.approx(SHARES, abs=0.03)


def test_another_seed_deals_other_groups_and_the_same_seed_the_same() -> None:
    groups = of_sizes(*range(1, 41))
    first = deal(groups, None, SHARES, drawn(0))
    assert torch.equal(first, deal(groups, None, SHARES, drawn(0)))
    assert not torch.equal(first, deal(groups, None, SHARES, drawn(1)))


def test_classes_keep_about_their_share_even_if_each_group_has_one() -> None:
    groups = of_sizes(*[4] * 50)
    classes = (groups % 5 == 0).to(torch.int64)  # a fifth of the groups, all of class 1
    split = deal(groups, classes, [0.8, 0.2], drawn())
    assert [int(classes[split == number].sum()) for number in (0, 1)] == [32, 8]


def test_groups_beyond_the_largest_are_dealt_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_WEIGHED", 4)
    groups = of_sizes(50, 40, 30, *[2] * 200)
    split = deal(groups, None, SHARES, drawn())
    assert all(len(split[groups == group].unique()) == 1 for group in groups.unique())
    assert shares_of(split) == pytest.approx(SHARES, abs=0.02)


def test_each_split_gets_a_group_unless_its_share_is_zero() -> None:
    assert sorted(deal(of_sizes(30, 30, 30), None, SHARES, drawn()).unique().tolist()) == [0, 1, 2]
    assert sorted(deal(of_sizes(90, 1, 1), None, SHARES, drawn()).unique().tolist()) == [0, 1, 2]
    assert sorted(deal(of_sizes(30, 30, 30), None, [0.8, 0.0, 0.2], drawn()).unique().tolist()) == [0, 2]


def test_too_few_groups_are_reported() -> None:
    with pytest.raises(DataError, match=r"there are rows of 2 groups, and 3 splits need one each\. Hold out less"):
        deal(of_sizes(5, 5), None, SHARES, drawn())
