"""Batches of similar length: every row once, the same for the same (seed, epoch), from any batch."""

from __future__ import annotations

import torch

from dlrun.data.loading.bucketing import by_length, longest_of_batches
from dlrun.data.loading.randomness import permutation
from dlrun.data.loading.split import Loader, MemorySplit, in_order

LENGTHS = torch.randint(1, 200, (1003,), generator=torch.Generator().manual_seed(0))


def split() -> MemorySplit:
    inputs = (torch.arange(200) < LENGTHS.unsqueeze(1)) * torch.arange(1, 1004).unsqueeze(1)
    return MemorySplit(inputs, torch.arange(1003), lengths=LENGTHS)


def order(*, seed: int = 1, epoch: int = 0, batch_size: int = 8) -> torch.Tensor:
    shuffled = permutation(1003, seed=seed, epoch=epoch)
    return by_length(shuffled, LENGTHS, batch_size=batch_size, seed=seed, epoch=epoch)


def test_every_row_occurs_once_and_the_order_depends_on_seed_and_epoch() -> None:
    assert order().sort().values.tolist() == list(range(1003))
    assert torch.equal(order(), order())
    assert not torch.equal(order(), order(epoch=1))
    assert not torch.equal(order(), order(seed=2))


def test_the_rows_of_a_batch_are_of_similar_length() -> None:
    batches = LENGTHS[order()[:1000]].reshape(125, 8)
    padding = (batches.amax(dim=1, keepdim=True) - batches).double().mean()
    mixed = LENGTHS[permutation(1003, seed=1, epoch=0)[:1000]].reshape(125, 8)
    assert padding < 0.05 * (mixed.amax(dim=1, keepdim=True) - mixed).double().mean()


def test_batches_of_any_length_come_at_any_time() -> None:
    means = LENGTHS[order()[:1000]].reshape(125, 8).double().mean(dim=1)
    position = torch.arange(125, dtype=torch.float64)
    assert abs(torch.corrcoef(torch.stack([means, position]))[0, 1]) < 0.2


def test_rows_that_fill_no_batch_stay_last() -> None:
    assert order()[1000:].tolist() == permutation(1003, seed=1, epoch=0)[1000:].tolist()
    assert by_length(torch.tensor([1, 0]), LENGTHS, batch_size=3, seed=0, epoch=0).tolist() == [1, 0]


def test_the_longest_of_each_batch() -> None:
    assert longest_of_batches(torch.tensor([3, 1, 2, 0]), batch_size=3) == [3, 1]


def test_a_batch_ends_where_its_longest_row_does() -> None:
    seen = []
    for batch in Loader(split(), batch_size=8, seed=1, shuffle=True).epoch(0):
        assert batch.lengths is not None
        assert batch.inputs.shape[1] == int(batch.lengths.max())
        assert torch.equal((batch.inputs > 0).sum(dim=1), batch.lengths)
        assert torch.equal(batch.inputs[:, 0] - 1, batch.targets)
        seen += batch.targets.tolist()
    assert sorted(seen) == list(range(1003))


def test_resuming_within_an_epoch_yields_the_remaining_batches() -> None:
    loader = Loader(split(), batch_size=8, seed=1, shuffle=True)
    whole = list(loader.epoch(3))
    for start in (0, 1, 63, 64, 65, 125):
        rest = list(loader.epoch(3, start=start))
        assert len(rest) == 126 - start
        for ours, theirs in zip(rest, whole[start:], strict=True):
            assert torch.equal(ours.inputs, theirs.inputs)
            assert ours.inputs.stride() == theirs.inputs.stride()


def test_without_shuffling_and_in_evaluation_rows_keep_their_order() -> None:
    for batches in (Loader(split(), batch_size=100, seed=1, shuffle=False).epoch(0), in_order(split(), batch_size=100)):
        found = list(batches)
        assert torch.cat([batch.targets for batch in found]).tolist() == list(range(1003))
        assert all(batch.inputs.shape[1] == int(batch.lengths.max()) for batch in found if batch.lengths is not None)
