"""The memory that a run needs: the parts by hand, and the sum against what a run takes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.spec import Batch
from dlrun.optim.device import Device
from dlrun.training.build import Components, build_components
from dlrun.training.memory import LargestLayer, Memory, _free, _Saved, in_words
from tests.harness import CPU, configure


def built(*words: str) -> Components:
    return build_components(configure(*words, *CPU), Catalog())


def test_the_parts_of_a_perceptron_are_those_worked_out_by_hand() -> None:
    words = ("dataset=digits", "model=mlp", "model.hidden=[100]", "trainer.batch_size=32", "optimizer=adam")
    found = built(*words).memory
    weights = (64 * 100 + 100 + 100 * 10 + 10) * 4
    assert found.weights == found.gradients == weights
    assert found.states == 2 * weights
    assert found.average == 0
    # copies of weights and states, the file of the weights, and that of the states twice: while it is put together
    assert found.checkpoint == 3 * weights + weights + 4 * weights
    # the flattened images, what the ReLU leaves, and the log-probabilities of the loss with the targets
    assert found.activations == pytest.approx(32 * (64 * 4 + 100 * 4 + 10 * 4 + 8), rel=0.05)
    # the largest call is that of the ReLU, in place, or the first layer: 64 or 100 inputs, 100 outputs
    assert found.backward == 32 * 2 * 100 * 4
    assert found.evaluation == 256 * 2 * 100 * 4
    assert found.resident == 3 * weights
    assert found.needed == 3 * weights + 8 * weights
    assert found.largest == LargestLayer("1, Linear(in_features=64, out_features=100, bias=True)", 6500)
    data = built(*words).data
    rows = sum(data.sizes.values())
    assert found.data == rows * (64 + 8)  # bytes of pixels, and int64 classes


def test_an_average_is_one_more_copy_and_one_more_file() -> None:
    words = ("dataset=digits", "model=mlp", "model.hidden=[100]", "optimizer=sgd", "optimizer.momentum=0")
    weights = built(*words).memory.weights
    averaged = built(*words, "trainer.ema=0.99").memory
    assert averaged.average == weights
    assert averaged.states == 0
    # the average and the weights are copied; the file of the first is held while the second is put together
    assert averaged.checkpoint == 2 * weights + weights + 2 * weights


def test_activations_grow_with_the_batch_and_weights_do_not() -> None:
    small, large = (
        built("dataset=digits", "model=cnn", f"trainer.batch_size={batch_size}").memory for batch_size in (16, 160)
    )
    assert large.activations == pytest.approx(10 * small.activations, rel=0.01)
    assert large.weights == small.weights


@pytest.mark.parametrize("words", [("dataset=digits", "model=gan"), ("dataset=iris",), ("dataset=digits", "model=cnn")])
def test_measuring_changes_neither_weights_nor_random_numbers(words: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    first = built(*words)
    drawn = torch.rand(3)
    second = built(*words)
    assert torch.equal(torch.rand(3), drawn)
    for name, value in first.task.state_dict().items():
        assert torch.equal(value, second.task.state_dict()[name])


MIB = 1 << 20
MEMORY = Memory(
    weights=4 * MIB,
    gradients=4 * MIB,
    states=8 * MIB,
    average=0,
    checkpoint=32 * MIB,
    data=9 * MIB,
    free=100 * MIB,
    free_on_host=100 * MIB,
    is_on_cpu=True,
    num_weights=MIB,
    largest=LargestLayer("0, Linear", MIB),
    activations=60 * MIB,
    backward=2 * MIB,
)


def test_what_is_needed_is_the_largest_moment() -> None:
    assert MEMORY.needed == (4 + 8 + 4 + 60) * MIB  # a step, beside the copy of the weights from the start
    assert replace(MEMORY, activations=0).needed == (4 + 8 + 32) * MIB  # saving
    assert MEMORY.peak == (32 + 4 + 8 + 4 + 60 + 2 + 32) * MIB
    assert MEMORY.fits
    assert not replace(MEMORY, free=75 * MIB).fits


def test_on_a_gpu_checkpoints_need_memory_of_the_machine() -> None:
    gpu = replace(MEMORY, is_on_cpu=False)
    assert gpu.needed == (4 + 8 + 60) * MIB
    assert gpu.fits
    assert not replace(gpu, free_on_host=31 * MIB).fits


def test_the_parts_are_described_from_the_largest_on() -> None:
    assert MEMORY.describe() == (
        "about 142 MiB of 100 MiB free: activations of a training batch 62 MiB, a checkpoint while it is written "
        "32 MiB, states of the optimizer 8.0 MiB"
    )


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KiB"), (20 * MIB, "20 MiB"), (3 << 50, "3,072 TiB")],
)
def test_bytes_in_words(size: int, text: str) -> None:
    assert in_words(size) == text


def test_a_checkpoint_is_no_part_of_the_memory_of_a_gpu_unless_the_machine_has_no_room_for_it() -> None:
    gpu, name = replace(MEMORY, is_on_cpu=False), "a checkpoint while it is written"
    assert name in dict(MEMORY.parts())
    assert name not in dict(gpu.parts())
    small = replace(gpu, free=50 * MIB)
    assert not small.fits
    assert small.too_little == (small.needed, 50 * MIB)
    poor = replace(gpu, free_on_host=20 * MIB)
    assert not poor.fits
    assert poor.too_little == (32 * MIB, 20 * MIB)
    assert dict(poor.parts())[name] == 32 * MIB
    whole = replace(MEMORY, built=30 * MIB, free_on_host=20 * MIB)  # of a sharded model on the CPU
    assert whole.too_little == (30 * MIB, 20 * MIB)


def test_the_free_memory_of_a_gpu_is_that_of_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (7, 80))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 50)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 30)
    assert _free(Device(torch.device("cuda"), "fp32", 1), 100) == 7 + 20  # what runs before this one have left
    assert _free(Device(torch.device("cpu"), "fp32", 1), 100) == 100


def test_a_task_that_runs_backward_itself_is_told_to_use_update() -> None:
    layer = torch.nn.Linear(1, 1)
    batch = Batch(torch.zeros(1, 1), torch.zeros(1, 1))  # of four bytes each; kept, as its memory counts as seen
    saved = _Saved(layer, batch)
    weight = torch.ones(2, requires_grad=True)
    with saved.counted():
        loss = (weight * torch.full((2,), 2.0)).sum()
    with pytest.raises(RuntimeError, match=r"use update\(group, loss\)"):
        loss.backward()
    assert (saved.varying, saved.fixed) == (8 + 8, 0)


MEASURE = """
import json, sys, tempfile
from pathlib import Path
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.training import build
from tests.harness import train

def memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

found = {}
prepared = build.facts_of

def facts_of(data):  # the data is loaded, the model is not built
    Path("/proc/self/clear_refs").write_text("5")  # begins the peak anew
    found["before"] = memory("VmRSS")
    return prepared(data)

built = build.Components

def components(*args):
    found["estimate"] = args[-1].peak
    return built(*args)

build.facts_of, build.Components = facts_of, components
with tempfile.TemporaryDirectory() as folder:
    train(Path(folder) / "a", *sys.argv[1:])
print(json.dumps({"estimate": found["estimate"], "measured": memory("VmHWM") - found["before"]}))
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="measures with /proc")
@pytest.mark.parametrize(
    "words",
    [
        ("dataset=digits", "model=mlp", "model.hidden=[3072,3072]", "optimizer=adam", "trainer.epochs=1"),
        (
            "dataset=digits",
            "model=mlp",
            "model.hidden=[4096,4096]",
            "optimizer=sgd",
            "trainer.epochs=null",
            "trainer.max_steps=4",
        ),
        (
            "dataset=digits",
            "model=rnn",
            "model.hidden=512",
            "trainer.batch_size=512",
            "trainer.epochs=null",
            "trainer.max_steps=3",
        ),
        (
            "dataset=digits",
            "model=cnn",
            "model.channels=[256,512]",
            "trainer.batch_size=512",
            "trainer.epochs=null",
            "trainer.max_steps=2",
        ),
    ],
    ids=" ".join,
)
def test_the_estimate_is_near_what_a_run_takes(words: tuple[str, ...]) -> None:
    words = (*words, *CPU, "dataset.baselines=false", "trainer.log_every=1")
    root = Path(__file__).parents[2]  # where `tests` can be imported
    command = [sys.executable, "-c", MEASURE, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["measured"] > 80 * MIB
    assert 0.7 < found["estimate"] / found["measured"] < 1.5, found
