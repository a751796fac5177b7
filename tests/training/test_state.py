"""dlrun.training.state: weights of another model are an error."""

from __future__ import annotations

import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import StorageError
from dlrun.storage.checkpoint_format import Snapshot
from dlrun.training.build import build_components
from dlrun.training.state import load_weights, random_state, restore_random
from tests.harness import SMALL, configure


def test_weights_of_another_model_are_an_error() -> None:
    task = build_components(configure(*SMALL), Catalog()).task
    before = {name: tensor.clone() for name, tensor in task.weights().state_dict().items()}
    snapshot = Snapshot(3, {"model": {"weight": torch.zeros(2)}}, {})
    with pytest.raises(StorageError, match="The checkpoint of step 3 contains the weights of another model: "):
        load_weights(task, snapshot)
    assert all(torch.equal(before[name], tensor) for name, tensor in task.weights().state_dict().items())


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """A generator of a GPU, in use, whose state is under "state"."""
    generator = {"state": torch.tensor([7, 8], dtype=torch.uint8)}
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: generator["state"])
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state: generator.update(state=state))
    return generator


def test_the_random_state_of_the_gpu_of_this_process_is_restored(gpu: dict[str, torch.Tensor]) -> None:
    tensors, values = random_state()
    gpu["state"] = torch.zeros(2, dtype=torch.uint8)
    restore_random(tensors, values)
    assert gpu["state"].tolist() == [7, 8]
    old = {"torch": tensors["torch"], **{f"cuda.{i}": torch.tensor([i, 0], dtype=torch.uint8) for i in range(12)}}
    restore_random(old, values)
    assert gpu["state"].tolist() == [0, 0]


def test_a_run_on_the_cpu_asks_no_gpu_for_its_random_state(
    gpu: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors, values = random_state()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert list(random_state()[0]) == ["torch"]
    gpu["state"] = torch.zeros(2, dtype=torch.uint8)
    restore_random(tensors, values)  # of a run that began on a GPU
    assert gpu["state"].tolist() == [0, 0]
