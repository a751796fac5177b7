"""`dlrun.data.loading.split`: rows as they are fetched, and the batches of an epoch."""

from __future__ import annotations

import pytest
import torch

from dlrun.configuration.schema.fields import Augment
from dlrun.data.loading import split as module
from dlrun.data.loading.randomness import permutation
from dlrun.data.loading.split import Loader, MemorySplit, in_order
from dlrun.data.spec import Scaling


def numbered(count: int) -> MemorySplit:
    """Row i holds i, and so does its target."""
    return MemorySplit(torch.arange(count, dtype=torch.float32).unsqueeze(1), torch.arange(count))


def seen(loader: Loader, epoch: int, *, start: int = 0) -> list[list[int]]:
    return [batch.targets.tolist() for batch in loader.epoch(epoch, start=start)]


def test_bytes_are_scaled_channel_by_channel_when_fetched() -> None:
    images = torch.tensor([[[[0, 10]], [[100, 200]]]], dtype=torch.uint8)  # (1, 2, 1, 2)
    split = MemorySplit(images, torch.tensor([1]), scaling=Scaling((5.0, 150.0), (5.0, 50.0), 0.0, 255.0))
    for _ in range(2):  # fetching changes nothing
        fetched = split.fetch(slice(None)).inputs
        torch.testing.assert_close(fetched, torch.tensor([[[[-1.0, 1.0]], [[-1.0, 1.0]]]]))
    assert split.inputs.dtype == torch.uint8
    assert split.inputs.flatten().tolist() == [0, 10, 100, 200]


def test_each_feature_has_its_own_scaling() -> None:
    rows = torch.tensor([[1, 20], [3, 60]], dtype=torch.uint8)
    split = MemorySplit(rows, torch.tensor([0, 1]), scaling=Scaling((2.0, 40.0), (1.0, 20.0), 0.0, 255.0))
    torch.testing.assert_close(split.fetch(torch.tensor([1, 0])).inputs, torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))


def test_rows_are_fetched_by_index_with_their_lengths() -> None:
    texts = torch.tensor([[1, 0], [2, 3], [4, 0]])
    split = MemorySplit(texts, torch.tensor([5, 6, 7]), lengths=torch.tensor([1, 2, 1]))
    batch = split.fetch(torch.tensor([1, 0]))
    assert batch.inputs.tolist() == [[2, 3], [1, 0]]
    assert batch.targets.tolist() == [6, 5]
    assert batch.lengths is not None
    assert batch.lengths.tolist() == [2, 1]


def test_a_split_moves_whole_to_another_device() -> None:
    images = torch.zeros(2, 1, 1, 1, dtype=torch.uint8)
    split = MemorySplit(images, torch.zeros(2), scaling=Scaling((0.0,), (1.0,), 0.0, 1.0))
    moved = split.to(torch.device("meta"))
    assert moved.inputs.is_meta
    assert moved.targets.is_meta
    assert not split.inputs.is_meta


def test_row_bytes_are_those_of_float32() -> None:
    assert MemorySplit(torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.zeros(3)).row_bytes == 256


def test_without_shuffling_rows_keep_their_order_and_the_last_batch_is_smaller() -> None:
    loader = Loader(numbered(7), batch_size=3, seed=0, shuffle=False)
    assert len(loader) == 3
    assert seen(loader, 0) == [[0, 1, 2], [3, 4, 5], [6]]


def test_shuffled_batches_follow_the_epochs_permutation() -> None:
    loader = Loader(numbered(10), batch_size=4, seed=5, shuffle=True)
    order = permutation(10, seed=5, epoch=2).tolist()
    assert seen(loader, 2) == [order[:4], order[4:8], order[8:]]
    assert seen(loader, 3) != seen(loader, 2)


def test_each_row_occurs_once_in_an_epoch() -> None:
    loader = Loader(numbered(103), batch_size=10, seed=1, shuffle=True)
    assert sorted(row for batch in seen(loader, 0) for row in batch) == list(range(103))


def test_one_batch_with_all_rows_keeps_their_order() -> None:
    assert seen(Loader(numbered(5), batch_size=5, seed=1, shuffle=True), 0) == [[0, 1, 2, 3, 4]]
    assert seen(Loader(numbered(5), batch_size=9, seed=1, shuffle=True), 0) == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("chunk_bytes", [1, 24, 4 << 20])  # one batch, three batches or all at once
def test_an_epoch_started_midway_has_the_same_batches(
    monkeypatch: pytest.MonkeyPatch, shuffle: bool, chunk_bytes: int
) -> None:
    monkeypatch.setattr(module, "_CHUNK_BYTES", chunk_bytes)
    loader = Loader(numbered(21), batch_size=2, seed=7, shuffle=shuffle)
    whole = seen(loader, 4)
    assert len(whole) == 11
    for start in range(12):
        assert seen(loader, 4, start=start) == whole[start:]


def test_an_epoch_started_midway_has_the_same_augmentation() -> None:
    images = torch.arange(1, 161, dtype=torch.uint8).reshape(10, 1, 4, 4)
    augment = Augment(shift=1, flip=True)
    for shuffle in (False, True):
        loader = Loader(MemorySplit(images, torch.arange(10)), batch_size=3, seed=7, shuffle=shuffle, augment=augment)
        whole = [batch.inputs for batch in loader.epoch(1)]
        late = [batch.inputs for batch in loader.epoch(1, start=2)]
        assert torch.equal(torch.cat(late), torch.cat(whole[2:]))
        assert not torch.equal(torch.cat(whole), torch.cat([batch.inputs for batch in loader.epoch(2)]))


def test_batches_have_their_lengths() -> None:
    split = MemorySplit(torch.zeros(5, 2, dtype=torch.int64), torch.arange(5), lengths=torch.tensor([1, 2, 1, 2, 1]))
    lengths = [batch.lengths for batch in Loader(split, batch_size=2, seed=0, shuffle=False).epoch(0)]
    assert [each.tolist() for each in lengths if each is not None] == [[1, 2], [1, 2], [1]]


def test_evaluation_reads_all_rows_once_in_order() -> None:
    assert [batch.targets.tolist() for batch in in_order(numbered(5), batch_size=2)] == [[0, 1], [2, 3], [4]]


def test_inputs_may_stay_where_they_are_and_are_copied_when_fetched() -> None:
    images = torch.arange(48, dtype=torch.uint8).reshape(4, 1, 3, 4)
    split = MemorySplit(images, torch.arange(4), weights=torch.ones(4), scaling=Scaling((5.0,), (5.0,), 0.0, 255.0))
    elsewhere = split.to(torch.device("meta"), with_inputs=False)  # a device without memory
    assert (elsewhere.inputs.device.type, elsewhere.targets.device.type) == ("cpu", "meta")
    assert elsewhere.index_device == torch.device("cpu")
    for rows in (torch.tensor([2, 0]), slice(1, 3)):
        batch = elsewhere.fetch(rows, augment=Augment(shift=1), seed=0, epoch=0)
        assert {batch.inputs.device.type, batch.targets.device.type, batch.weights.device.type} == {"meta"}  # type: ignore[union-attr]
        assert batch.inputs.shape == (2, 1, 3, 4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_batches_are_the_same_wherever_inputs_are() -> None:
    images = torch.randint(0, 256, (50, 1, 6, 6), dtype=torch.uint8)
    split = MemorySplit(images, torch.arange(50), scaling=Scaling((5.0,), (5.0,), 0.0, 255.0))
    rows, augment = torch.tensor([2, 40, 7]), Augment(shift=2, flip=True)
    device = torch.device("cuda")
    there = split.to(device).fetch(rows.to(device), augment=augment, seed=1, epoch=3)
    here = split.to(device, with_inputs=False).fetch(rows, augment=augment, seed=1, epoch=3)
    assert torch.equal(there.inputs, here.inputs)
    assert torch.equal(there.targets, here.targets)
    assert torch.equal(here.inputs.cpu(), split.fetch(rows, augment=augment, seed=1, epoch=3).inputs)


def test_more_batches_are_gathered_at_once_where_the_rows_lie_on_a_gpu() -> None:
    rows, targets = torch.zeros(1, 1 << 18).expand(64, -1), torch.zeros(64)  # 1 MiB each
    chunks = [
        Loader(MemorySplit(rows.to(device), targets), batch_size=2, seed=0, shuffle=False)._chunk
        for device in ("cpu", "meta")
    ]
    assert chunks == [2, 32]
    assert Loader(MemorySplit(rows, targets), batch_size=64, seed=0, shuffle=False)._chunk == 1
