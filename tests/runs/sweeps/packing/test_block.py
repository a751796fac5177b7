"""A pack in blocks: their size follows from the cache, and their batches from the members' seeds."""

from __future__ import annotations

import torch

from dlrun.runs.sweeps.packing.block import count_of_blocks, joined


def test_as_many_weights_as_fit_into_the_cache_are_in_a_block() -> None:
    assert count_of_blocks(32, own_bytes=472_000) == 4  # 4 MiB hold 8 of them
    assert count_of_blocks(32, own_bytes=1_000) == 1
    assert count_of_blocks(32, own_bytes=100 << 20) == 8  # never fewer than 4 together
    assert count_of_blocks(2, own_bytes=100 << 20) == 1


def test_batches_of_members_are_joined_in_their_order() -> None:
    first, second = torch.tensor([1, 2]), torch.tensor([3, 4])
    found = joined([first, second], [1, 0, 1])
    assert found is not None
    assert found.tolist() == [[3, 4], [1, 2], [3, 4]]
    assert joined([None, None], [0, 1]) is None
