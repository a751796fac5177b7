"""dlrun.training.state: weights of another model are an error."""

from __future__ import annotations

import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import StorageError
from dlrun.storage.checkpoint_format import Snapshot
from dlrun.training.build import build_components
from dlrun.training.state import load_weights
from tests.harness import SMALL, configure


def test_weights_of_another_model_are_an_error() -> None:
    task = build_components(configure(*SMALL), Catalog()).task
    before = {name: tensor.clone() for name, tensor in task.weights().state_dict().items()}
    snapshot = Snapshot(3, {"model": {"weight": torch.zeros(2)}}, {})
    with pytest.raises(StorageError, match="The checkpoint of step 3 contains the weights of another model: "):
        load_weights(task, snapshot)
    assert all(torch.equal(before[name], tensor) for name, tensor in task.weights().state_dict().items())
