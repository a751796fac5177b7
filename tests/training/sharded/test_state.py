"""Whole runs of two processes that have a part of the model each, against those that have all of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dlrun.cli.main import main
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, StorageError
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.shards import Shards
from dlrun.storage.checkpoint_format import Snapshot, open_snapshot
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.tasks.task import SupervisedTask
from dlrun.training.sharded.state import load_shards, optimizer_states
from tests.together import Crews

COMMON = ["device.name=cpu", "device.threads=1", "dataset.baselines=false", "trainer.epochs=1", "dataset.limit=150"]
MLP = ["dataset=digits", "model=mlp", "model.dropout=0", "optimizer=adamw", "trainer.ema=0.9", "trainer.batch_size=10"]
SGD = [
    "optimizer=sgd",
    "optimizer.lr=0.1",
    "optimizer.momentum=0.9",
]  # Adam makes rounding errors of small gradients large
MODELS = {
    "mlp": [*MLP, "model.hidden=[16]"],
    "cnn": ["dataset=digits", "model=cnn", "model.norm=layer", "model.dropout=0", "trainer.clip_norm=0.1", *SGD],
    "factorization": ["dataset=interactions", "dataset.path=example:ratings.csv", "model=factorization", *SGD],
    "transformer": ["recipe=transformer_reviews", "model.width=8", "model.dropout=0", "trainer.accumulate=2", *SGD],
}
GAN = ["dataset=digits", "model=gan"]


def train(folder: Path, model: Sequence[str], *, strategy: str = "fsdp", steps: int = 4) -> list[str]:
    """Return the arguments of a run."""
    return [*model, *COMMON, f"device.strategy={strategy}", f"trainer.max_steps={steps}", f"hydra.run.dir={folder}"]


def resume(folder: Path, strategy: str = "ddp") -> list[str]:
    return ["resume", str(folder), "trainer.max_steps=8", f"device.strategy={strategy}"]


def command(arguments: Sequence[str], free: int | None = None) -> dict[str, Any]:
    """Run dlrun in this process, a member of a group; free: bytes of memory that there seem to be on the machine.

    Return its exit code, and the bytes of the weights that this process holds if it has a part of the model.
    """
    from dlrun.optim.distributed.sharding import Sharding
    from dlrun.training import memory

    seen: dict[str, Any] = {"code": None, "held": None}
    join, available = Sharding.join, memory.available_memory

    def noting(self: Sharding, task: Any) -> Any:
        shards = join(self, task)
        parts = [shards.part(each) for each in task.parameters()]
        everything = [*parts, *(shards.whole(each) for each in parts)]
        seen["held"] = sum(each.untyped_storage().nbytes() for each in everything)
        return shards

    with (
        mock.patch.object(Sharding, "join", noting),
        mock.patch.object(memory, "available_memory", available if free is None else lambda: free),
    ):
        seen["code"] = main(list(arguments))
    return seen


def newest(folder: Path) -> Path:
    store = CheckpointStore(folder / "checkpoints")
    return store.path(store.steps()[-1])


def difference(first: Path, second: Path) -> float:
    """The largest difference of two runs' weights and states of the optimizer."""
    largest = 0.0
    for name in ("model", "optimizer"):
        one, other = (load_file(newest(folder) / f"{name}.safetensors") for folder in (first, second))
        assert one.keys() == other.keys()
        largest = max([largest, *(float((one[key] - other[key]).abs().max()) for key in one)])
    return largest


@pytest.fixture(scope="module")
def crew() -> Iterator[Crews]:
    with Crews([2]) as crew:
        yield crew


@pytest.fixture(scope="module")
def root(crew: Crews, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of 8 steps, `whole`, and one of the first 5, `begun`."""
    root = tmp_path_factory.mktemp("sharded")
    for name, steps in (("whole", 8), ("begun", 5)):
        for said in crew.run(command, train(root / name, MODELS["mlp"], steps=steps))[2]:
            assert said == {"code": 0, "held": HELD}
    return root


HELD = 4 * (8 * 64 + 8 + 5 * 16 + 5)
"""Bytes of half a 64-16-10 network."""


def copy_of_begun(root: Path, name: str) -> Path:
    shutil.copytree(root / "begun", root / name)
    return root / name


def test_a_resumed_run_ends_with_the_bytes_of_the_unbroken_one(crew: Crews, root: Path) -> None:
    folder = copy_of_begun(root, "resumed")
    assert [said["code"] for said in crew.run(command, resume(folder, "fsdp"))[2]] == [0, 0]
    for name in ("model", "raw", "optimizer", "random"):
        ended, unbroken = (newest(each) / f"{name}.safetensors" for each in (folder, root / "whole"))
        assert ended.read_bytes() == unbroken.read_bytes()


def test_it_goes_on_as_a_whole_in_two_processes_or_alone(crew: Crews, root: Path) -> None:
    folder = copy_of_begun(root, "to_ddp")
    assert crew.run(command, resume(folder))[2][1] == {"code": 0, "held": None}
    assert difference(folder, root / "whole") < 1e-5
    folder = copy_of_begun(root, "to_alone")
    assert main(resume(folder, "fsdp")) == 0
    assert difference(folder, root / "whole") < 1e-5
    assert main(["eval", str(root / "whole")]) == 0


def test_one_that_was_begun_as_a_whole_goes_on_in_parts(crew: Crews, root: Path) -> None:
    folder = root / "from_alone"
    assert main(train(folder, MODELS["mlp"], steps=5)) == 0
    assert crew.run(command, resume(folder, "fsdp"))[2][1] == {"code": 0, "held": HELD}
    assert difference(folder, root / "whole") < 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_parts_are_trained_as_the_whole_is_alone(name: str, crew: Crews, tmp_path: Path) -> None:
    assert main(train(tmp_path / "alone", MODELS[name])) == 0
    assert [said["code"] for said in crew.run(command, train(tmp_path / "parts", MODELS[name]))[2]] == [0, 0]
    assert difference(tmp_path / "alone", tmp_path / "parts") < 1e-5
    alone, parts = (json.loads((tmp_path / each / "result.json").read_text()) for each in ("alone", "parts"))
    assert parts["metrics"] == pytest.approx(alone["metrics"], abs=1e-5)
    assert parts["parameters"] == alone["parameters"]


def test_a_gan_is_trained_in_parts_with_its_samples(crew: Crews, tmp_path: Path) -> None:
    for strategy in ("ddp", "fsdp"):
        said = crew.run(command, train(tmp_path / strategy, GAN, strategy=strategy))[2]
        assert [each["code"] for each in said] == [0, 0]
    assert difference(tmp_path / "ddp", tmp_path / "fsdp") < 1e-5
    assert (tmp_path / "fsdp" / "samples" / "epoch-0001.png").is_file()


def test_a_damaged_checkpoint_is_found_and_the_one_before_is_used(crew: Crews, root: Path) -> None:
    folder = copy_of_begun(root, "damaged")
    path = newest(folder) / "optimizer.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"optimizer.safetensors: damaged: its SHA-256 does not match the manifest."):
        open_snapshot(newest(folder))
    assert [said["code"] for said in crew.run(command, resume(folder, "fsdp"))[2]] == [0, 0]
    assert (folder / "checkpoints" / "step-5.damaged").is_dir()
    assert difference(folder, root / "whole") == 0.0  # it began again


def test_a_divergence_ends_all_processes_in_words(crew: Crews, tmp_path: Path) -> None:
    model = ["dataset=diabetes", "model=linear", "optimizer=sgd", "optimizer.lr=1000"]
    assert [said["code"] for said in crew.run(command, train(tmp_path / "run", model, steps=99))[2]] == [4, 4]
    error = json.loads((tmp_path / "run" / "result.json").read_text())["error"]
    assert "no longer a finite number at step" in error
    assert "device.strategy=ddp" in error


def test_auto_shares_out_a_model_that_fits_no_process(crew: Crews, tmp_path: Path) -> None:
    """1.1 million weights: a process needs 27 MB for all of them with Adam, and 17 for a half."""
    big = ["dataset=digits", "model=mlp", "model.hidden=[2000,500]"]
    said = crew.run(command, train(tmp_path / "run", big, strategy="auto", steps=1), 44 << 20)[2]
    assert said[0] == {"code": 0, "held": 4 * 1_135_510 // 2}
    log = (tmp_path / "run" / "dlrun.log").read_text()
    assert "device.strategy=auto chose fsdp. Each of 2 processes holds a part of the model" in log
    said = crew.run(command, train(tmp_path / "enough", big, strategy="auto", steps=1))[2]
    assert said[0] == {"code": 0, "held": None}


def alone_with_parts() -> Group:
    """A group of one process, of a task whose parameters are not cut."""
    group = Group()
    group.shards = Shards(0, 1)
    return group


@pytest.mark.parametrize(
    ("tensors", "name"),
    [
        ({"weight": torch.ones(2, 3), "other": torch.ones(2)}, "other"),
        ({"weight": torch.ones(2, 2)}, "weight"),
        ({}, "bias"),
    ],
    ids=["unknown", "another shape", "missing"],
)
def test_weights_of_another_model_are_refused(tensors: dict[str, Tensor], name: str) -> None:
    task = SupervisedTask(nn.Linear(3, 2), nn.MSELoss(), DataSpec("dense", (3,), "regression", 2))
    with pytest.raises(StorageError, match=f"step 7 contains the weights of another model: {name} is missing, or of"):
        load_shards(task, Snapshot(7, {"model": tensors}, {}), alone_with_parts())


def test_a_state_that_is_no_part_of_a_weight_is_refused() -> None:
    parameter = nn.Parameter(torch.ones(3, 2))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    optimizer.state[parameter]["row"] = torch.ones(3)
    state: Any = SimpleNamespace(updater=SimpleNamespace(optimizers={"model": optimizer}))
    with pytest.raises(ConfigError, match=r"The optimizer SGD keeps `row` of shape \(3,\) for a part of a weight"):
        optimizer_states(state, Shards(0, 1))
