"""Which rows each process takes of a batch."""

from __future__ import annotations

import pytest
import torch

from dlrun.data.loading.shard import WHOLE, BatchPart, Shard, chunk_of
from dlrun.data.loading.split import Loader, MemorySplit, in_order


def test_parts_follow_each_other_and_differ_by_one_row_at_most() -> None:
    assert [Shard(rank, 3).part(8) for rank in range(3)] == [(0, 2), (2, 5), (5, 8)]
    assert [Shard(rank, 4).part(2) for rank in range(4)] == [(0, 0), (0, 1), (1, 1), (1, 2)]
    assert WHOLE.part(5) == (0, 5)


def test_a_process_without_a_row_has_the_first_one_to_compute_with() -> None:
    part = BatchPart(1, 1, 2)
    assert part.is_empty
    assert part.present == slice(0, 1)
    assert not BatchPart(1, 2, 2).is_empty
    assert BatchPart(1, 2, 2).present == slice(1, 2)


def test_a_chunk_lists_the_rows_of_each_of_its_batches() -> None:
    chunk = chunk_of(Shard(1, 2), first=1, count=2, batch_size=4, rows=9)  # batches of rows 4..7 and 8
    assert chunk.positions.tolist() == [6, 7, 8]
    assert chunk.sizes == [2, 1]
    assert chunk.parts == [BatchPart(2, 4, 4), BatchPart(0, 1, 1)]
    chunk = chunk_of(Shard(0, 2), first=1, count=2, batch_size=4, rows=9)
    assert chunk.positions.tolist() == [4, 5, 8]
    assert chunk.parts[1].is_empty


def _split(rows: int, *, weights: bool = False) -> MemorySplit:
    numbers = torch.arange(float(rows))
    return MemorySplit(numbers.unsqueeze(1), numbers.unsqueeze(1), weights=numbers + 1 if weights else None)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("start", [0, 1])
def test_all_processes_together_have_the_batches_of_one(shuffle: bool, size: int, start: int) -> None:
    split = _split(21, weights=True)
    whole = list(Loader(split, batch_size=4, seed=3, shuffle=shuffle).epoch(1, start=start))
    shards = [
        list(Loader(split, batch_size=4, seed=3, shuffle=shuffle, shard=Shard(rank, size)).epoch(1, start=start))
        for rank in range(size)
    ]
    for number, batch in enumerate(whole):
        own = [shard[number] for shard in shards]
        rows = torch.cat([each.inputs[: each.num_own] for each in own])
        assert rows.equal(batch.inputs)
        assert {each.num_rows for each in own} == {len(batch.targets)}
        weights = [each.weights_of_all for each in own]
        assert batch.weights is not None
        assert all(each is not None and each.equal(batch.weights) for each in weights)


def test_evaluation_batches_are_shared_whole() -> None:
    found = [
        [batch.inputs.flatten().tolist() for batch in in_order(_split(10), batch_size=4, shard=Shard(rank, 2))]
        for rank in range(2)
    ]
    assert found == [[[0, 1, 2, 3], [8, 9]], [[4, 5, 6, 7]]]
