"""dlrun.optim.distributed.layout: where the rows of a batch are in a tensor."""

from __future__ import annotations

import torch

from dlrun.data.loading.shard import BatchPart
from dlrun.optim.distributed.layout import Layout, empty_for, layout_of, order_in_memory

PART = BatchPart(2, 5, 7)  # rows 2, 3 and 4 of 7


def test_the_rows_are_the_first_size_or_the_second_of_three() -> None:
    assert layout_of([3, 4], PART) == Layout(PART)
    assert layout_of([8, 3, 4], PART) == Layout(PART, dim=1)
    assert layout_of([8, 3], PART) is None  # a matrix of noise for a weight
    assert layout_of([], PART) is None


def test_a_multiple_of_the_rows_counts_only_in_what_depends_on_them() -> None:
    assert layout_of([6, 4], PART) is None
    assert layout_of([6, 4], PART, has_rows=True) == Layout(PART, blocks=2)
    assert layout_of([6, 4], PART, has_rows=True, multiple="flattened") == Layout(PART, blocks=2, is_flattened=True)
    assert layout_of([6, 3, 2], PART, has_rows=True) == Layout(PART, dim=1)
    assert layout_of([6, 3, 2], PART, has_rows=True, multiple="blocks") == Layout(PART, blocks=2)


def test_own_rows_are_those_of_each_block_or_all_steps_of_each_row() -> None:
    rows = torch.arange(14)
    assert Layout(PART).own(rows[:7]).tolist() == [2, 3, 4]
    assert Layout(PART, blocks=2).own(rows).tolist() == [[2, 3, 4], [9, 10, 11]]
    assert Layout(PART, blocks=2, is_flattened=True).own(rows).tolist() == [[4, 5], [6, 7], [8, 9]]
    assert Layout(PART, dim=1).own(rows.view(2, 7)).tolist() == [[2, 3, 4], [9, 10, 11]]


def test_an_empty_part_has_the_first_row() -> None:
    empty = BatchPart(1, 1, 3)
    assert layout_of([1, 4], empty) == Layout(empty)
    assert Layout(empty).own(torch.arange(3)).tolist() == [0]


def test_rows_are_filled_into_a_tensor_with_the_same_order_in_memory() -> None:
    own = torch.arange(24.0).view(3, 2, 2, 2).to(memory_format=torch.channels_last)
    layout = Layout(PART)
    whole = empty_for(layout, own, order_in_memory(own)).fill_(-1)
    layout.fill(whole, own)
    assert whole.shape == (7, 2, 2, 2)
    assert whole.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(whole[2:5], own)
    assert whole[:2].unique().tolist() == [-1]
