from __future__ import annotations

import pytest
import torch

from dlrun.optim.distributed.part import dim_of, part_of


@pytest.mark.parametrize(
    ("rank", "rows"), [(0, [0, 1]), (1, [2, 3]), (2, [4]), (3, [])], ids=["first", "second", "short", "empty"]
)
def test_parts_follow_each_other_and_the_last_are_shorter(rank: int, rows: list[int]) -> None:
    part = part_of((5, 3), 0, rank=rank, size=4)
    assert part.of(torch.arange(5).unsqueeze(1).expand(5, 3))[:, 0].tolist() == rows
    assert part.part_shape == (len(rows), 3)


def test_a_part_of_columns() -> None:
    part = part_of((1, 4), 1, rank=1, size=2)
    assert part.of(torch.arange(4).unsqueeze(0)).tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("shape", "size", "dim"), [((4, 3), 4, 0), ((1, 8), 4, 1), ((2, 3, 8), 4, 2), ((1,), 4, 0), ((3, 9), 4, 0)]
)
def test_rows_are_cut_unless_there_are_too_few_and_others_divide_evenly(
    shape: tuple[int, ...], size: int, dim: int
) -> None:
    assert dim_of(shape, size) == dim
