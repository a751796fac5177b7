"""dlrun.lint.rows: samples of rows, and hashes of equal rows."""

from __future__ import annotations

import pytest
import torch

from dlrun.data.loading.split import MemorySplit
from dlrun.lint.rows import hashes, hashes_by_part, sample


def test_a_sample_is_in_order_and_always_the_same() -> None:
    split = MemorySplit(torch.arange(100.0).unsqueeze(1), torch.arange(100))
    found = sample(split, 10)
    assert found.targets.tolist() == sorted(set(found.targets.tolist()))
    assert found.inputs.flatten().tolist() == found.targets.tolist()
    assert torch.equal(found.targets, sample(split, 10).targets)
    assert sample(split, 200).targets.tolist() == list(range(100))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.int64])
@pytest.mark.parametrize("shape", [(5,), (2, 8), (1, 3, 3)])
def test_rows_have_equal_hashes_if_they_are_equal(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    rows = torch.randint(0, 3, (64, *shape), generator=torch.Generator().manual_seed(0)).to(dtype)
    rows[1], rows[40] = rows[0], rows[7]
    for place in range(rows[0].numel()):
        rows[10 + place] = rows[9]
        rows[10 + place].view(-1)[place] += 1  # one value differs
    found = hashes(rows)
    equal = (rows.flatten(1).unsqueeze(0) == rows.flatten(1).unsqueeze(1)).all(dim=2)
    assert torch.equal(found.unsqueeze(0) == found.unsqueeze(1), equal)


def test_both_zeros_are_equal() -> None:
    assert len(hashes(torch.tensor([[0.0, 1.0], [-0.0, 1.0]])).unique()) == 1


def test_many_rows_are_hashed_as_few_are() -> None:
    rows = torch.rand(5000, 300, generator=torch.Generator().manual_seed(0))  # more than one block
    assert torch.equal(hashes(rows)[4000:], hashes(rows[4000:]))


def test_parts_of_rows_are_equal_where_their_values_are() -> None:
    rows = torch.tensor([[1.0, 2, 3], [1, 5, 3], [4, 2, 3]])
    parts = hashes_by_part(rows, [(0, 2), (1,)])
    assert (parts[0, 0] == parts[1, 0], parts[0, 0] == parts[2, 0]) == (True, False)
    assert (parts[0, 1] == parts[2, 1], parts[0, 1] == parts[1, 1]) == (True, False)
    assert parts.sum(dim=1).unique().numel() == 3
