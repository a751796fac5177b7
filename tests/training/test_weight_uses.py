from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.task import SupervisedTask
from dlrun.training.weight_uses import layers_of_weights


class Model(nn.Module):
    """Calls one layer, reads the weight of another, and hands a list of the third's to a function."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.read, self.recurrent = nn.Linear(4, 4), nn.Linear(4, 4), nn.LSTM(4, 4)
        self.norm, self.unused = nn.BatchNorm1d(4), nn.Linear(4, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.recurrent(F.linear(self.called(inputs), self.read.weight, self.read.bias))
        found: Tensor = self.norm(outputs)
        return found


def test_a_weight_is_known_by_the_modules_that_run_in_all_of_its_uses() -> None:
    torch.manual_seed(0)
    model = Model()
    task = SupervisedTask(model, nn.MSELoss(), DataSpec(kind="dense", shape=(4,), goal="regression", num_outputs=4))
    before, mean = torch.get_rng_state(), model.norm.running_mean.clone()  # type: ignore[union-attr]
    found = layers_of_weights(task, Batch(torch.randn(3, 4, generator=torch.Generator()), torch.zeros(3, 4)))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(model.norm.running_mean, mean)  # type: ignore[arg-type]
    assert found[id(model.called.weight)] == {id(task), id(model), id(model.called)}
    assert found[id(model.read.weight)] == {id(task), id(model)}
    assert all(found[id(each)] == {id(task), id(model), id(model.recurrent)} for each in model.recurrent.parameters())
    assert id(model.unused.weight) not in found
