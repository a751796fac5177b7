from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from dlrun.storage.checkpoint_format import Snapshot, load_snapshot, open_snapshot
from dlrun.storage.checkpoints import write_folder
from dlrun.storage.tensor_files import Entry, TensorFile, TensorStream

TENSORS = {
    "b": torch.arange(6.0).reshape(3, 2),
    "a": torch.arange(5),
    "half": torch.ones(3).half(),
    "brain": torch.ones(3).bfloat16(),
    'é"': torch.tensor(2.0),
    "empty": torch.ones(0, 4),
    "flags": torch.tensor([True, False]),
    "double": torch.ones(2, dtype=torch.float64),
}


def stream() -> TensorStream:
    """A stream of TENSORS, each but the scalar in two pieces."""
    entries = sorted(
        (Entry(name, each.dtype, tuple(each.shape)) for name, each in TENSORS.items()), key=lambda e: e.place
    )

    def pieces() -> Iterator[Tensor]:
        for entry in entries:
            whole = TENSORS[entry.name]
            yield from whole.tensor_split(2) if whole.ndim else (whole,)

    return TensorStream(entries, pieces)


def test_a_stream_has_the_bytes_that_safetensors_writes() -> None:
    assert b"".join(stream().encoded()) == safetensors.torch.save(TENSORS)


def test_a_file_gives_each_tensor_when_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"".join(stream().encoded()))
    found = TensorFile(tmp_path / "x.safetensors")
    assert len(found) == len(TENSORS)
    assert all(torch.equal(found[name], TENSORS[name]) for name in found)
    with pytest.raises(KeyError):
        found["other"]


def test_a_snapshot_of_streams_is_the_checkpoint_of_one_that_holds_its_tensors(tmp_path: Path) -> None:
    values = {"progress": {"best": None}}
    random = {"torch": torch.arange(4)}
    write_folder(Snapshot(7, {"random": random}, values, {"model": stream()}), tmp_path / "streamed")
    write_folder(Snapshot(7, {"random": random, "model": TENSORS}, values), tmp_path / "held")
    for path in (tmp_path / "held").iterdir():
        assert (tmp_path / "streamed" / path.name).read_bytes() == path.read_bytes()
    assert torch.equal(load_snapshot(tmp_path / "streamed").tensors["model"]["b"], TENSORS["b"])
    assert torch.equal(open_snapshot(tmp_path / "streamed").tensors["model"]["b"], TENSORS["b"])
