"""Contestants train networks of one size on the same data; those of other frameworks can at least be imported."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import contestants
from benchmarks.contestants import ours, texts_bare, texts_ours, texts_plain
from benchmarks.networks import network
from benchmarks.texts import NUM_CLASSES, encode, texts
from benchmarks.training import CONTESTANTS
from benchmarks.workload import WORKLOADS, floats, images
from dlrun.tasks.task import count_parameters

TINY = {name: dataclasses.replace(workload, rows=16, epochs=2) for name, workload in WORKLOADS.items()}


@pytest.fixture(autouse=True)
def no_real_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLRUN_MNIST", raising=False)
    monkeypatch.delenv("DLRUN_R8", raising=False)
    monkeypatch.setenv("CI", "1")


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(contestants.__path__)])
def test_a_contestant_can_be_imported_without_its_package(name: str) -> None:
    module = importlib.import_module(f"benchmarks.contestants.{name}")
    assert module.PACKAGES
    assert callable(module.train)


@pytest.mark.parametrize("workload", TINY)
@pytest.mark.parametrize("name", ["plain loop", "best by hand"])
def test_a_loop_without_framework_times_its_epochs(name: str, workload: str) -> None:
    found = CONTESTANTS[name].module_for(WORKLOADS[workload])
    seconds = importlib.import_module(f"benchmarks.contestants.{found}").train(TINY[workload])
    assert len(seconds) == 2
    assert min(seconds) > 0


@pytest.mark.parametrize("workload", TINY)
def test_dlrun_trains_a_network_of_the_same_size(
    workload: str, capfd: pytest.CaptureFixture[str], own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.TemporaryDirectory", _kept(own_folder))
    module = texts_ours if workload == "texts" else ours
    seconds = module.train(TINY[workload])
    assert len(seconds) == 2
    assert min(seconds) > 0
    result = json.loads((own_folder / "kept" / "run" / "result.json").read_text())
    assert result["dataset"]["sizes"]["train"] == 16
    if workload == "texts":
        theirs: Any = texts_bare.Dense(encode(*texts(TINY["texts"]))[2], NUM_CLASSES)
    else:
        theirs = network(workload)
    assert result["parameters"] == count_parameters(theirs)


def _kept(folder: Path) -> Callable[[], Any]:
    """Return a replacement of TemporaryDirectory that keeps its folder."""

    class Kept:
        def __enter__(self) -> str:
            (folder / "kept").mkdir()
            return os.fspath(folder / "kept")

        def __exit__(self, *_: object) -> None:
            return None

    return Kept


def test_dense_lstms_give_the_outputs_of_packed_sequences() -> None:
    torch.manual_seed(0)
    dense, packed = texts_bare.Dense(50, 3), texts_plain.Packed(50, 3)
    packed.embedding, packed.head = dense.embedding, dense.head
    for suffix, layer in (("", dense.forward_lstm), ("_reverse", dense.backward_lstm)):
        for name, value in layer.named_parameters():
            getattr(packed.lstm, name + suffix).data.copy_(value)
    rows = [(torch.randint(2, 50, (length,)), 0) for length in (3, 9, 1)]
    words, lengths, _ = texts_plain.collate(rows)
    torch.testing.assert_close(dense(words, lengths), packed(words, lengths), rtol=1e-5, atol=1e-6)


def test_every_row_is_in_one_batch_of_similar_length() -> None:
    torch.manual_seed(0)
    lengths = torch.randint(1, 200, (3000,))
    found = list(texts_bare.batches(lengths))
    assert torch.cat(found).sort().values.tolist() == list(range(3000))
    assert sum(float(lengths[rows].float().std()) for rows in found if len(rows) > 1) / len(found) < 5


def test_random_texts_have_the_lengths_of_r8() -> None:
    found, labels = texts(WORKLOADS["texts"])
    lengths = torch.tensor([len(text.split()) for text in found]).float()
    assert len(found) == len(labels) == 5485
    assert 60 <= float(lengths.median()) <= 72  # R8's training documents: 66
    assert 230 <= float(lengths.quantile(0.9)) <= 270  # 248
    assert len(set(labels)) == NUM_CLASSES
    assert texts(WORKLOADS["texts"]) == (found, labels)


def test_real_texts_are_read_from_their_folder(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_folder / "train.csv").write_text("label,text\nearn,a b a\nacq,b c\nearn,never read\n")
    monkeypatch.setenv("DLRUN_R8", str(own_folder))
    found = texts(dataclasses.replace(WORKLOADS["texts"], rows=2))
    assert found == (["a b a", "b c"], ["earn", "acq"])
    assert encode(*found) == ([[2, 3, 2], [3, 4]], [1, 0], 5)


def test_images_are_the_same_for_all() -> None:
    pixels, labels = images(TINY["lenet"])
    inputs, same = floats(TINY["lenet"])
    assert inputs.shape == (16, 1, 28, 28)
    assert (inputs[:, 0] * 255).round().astype("uint8").tolist() == pixels.tolist()
    assert labels.tolist() == same.tolist()
