"""A supervised task: its parameter group, its step and its evaluation; parameters by kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dlrun.data.spec import Batch, DataSpec
from dlrun.optim.param_groups import matrices_and_others
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask, count_parameters

SPEC = DataSpec("dense", (3,), "multiclass", 4)


def test_a_step_passes_its_loss_to_the_update_and_returns_it_detached() -> None:
    model = nn.Linear(3, 4)
    task = SupervisedTask(model, nn.CrossEntropyLoss(), SPEC)
    batch = Batch(torch.randn(5, 3), torch.tensor([0, 1, 2, 3, 0]))
    updates: list[tuple[str, Tensor]] = []
    out = task.train_step(batch, lambda name, loss: updates.append((name, loss)))
    expected = nn.functional.cross_entropy(model(batch.inputs), batch.targets)
    assert [name for name, _ in updates] == ["model"] == list(task.param_groups())
    assert updates[0][1].requires_grad
    assert not out["loss"].requires_grad
    torch.testing.assert_close(out["loss"], expected.detach())


@pytest.mark.parametrize(("goal", "num_outputs"), [("multiclass", 4), ("binary", 2), ("regression", 1)])
def test_evaluation_returns_the_metrics_of_the_goal(goal: str, num_outputs: int) -> None:
    spec = DataSpec("dense", (3,), goal, num_outputs)  # type: ignore[arg-type]
    width = 4 if goal == "multiclass" else 1
    loss = {"multiclass": nn.CrossEntropyLoss(), "binary": _Logits(), "regression": nn.MSELoss()}[goal]
    task = SupervisedTask(nn.Linear(3, width), loss, spec)
    assert task.metrics == goal_of(spec).metrics
    assert task.progress_metrics == ({"multiclass": "accuracy", "binary": "accuracy", "regression": "rmse"}[goal],)
    evaluation = task.evaluation()
    targets = torch.randn(6, 1) if goal == "regression" else torch.arange(6) % num_outputs
    with torch.inference_mode():
        evaluation.add(Batch(torch.randn(6, 3), targets))
    assert set(evaluation.result()) == set(task.metrics)


class _Logits(nn.Module):
    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(logits[:, 0], targets.float())


def test_lengths_are_passed_to_the_model() -> None:
    class Lengths(nn.Module):
        def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
            return inputs * lengths.unsqueeze(1)

    task = SupervisedTask(Lengths(), nn.MSELoss(), SPEC)
    out = task(Batch(torch.ones(2, 3), torch.zeros(2), torch.tensor([2, 5])))
    assert out[:, 0].tolist() == [2, 5]


def test_only_the_model_is_saved_and_there_are_no_samples(tmp_path: Path) -> None:
    model = nn.Linear(3, 4)
    task = SupervisedTask(model, nn.CrossEntropyLoss(), SPEC)
    assert task.weights() is model
    assert task.optimizer_overrides() == {}
    assert not task.write_samples(tmp_path / "none.png")


def test_matrices_have_more_than_one_axis() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 2))
    model[2].weight.requires_grad_(False)
    matrices, others = matrices_and_others(model)
    assert [tuple(parameter.shape) for parameter in matrices] == [(2, 1, 3, 3)]
    assert [tuple(parameter.shape) for parameter in others] == [(2,)] * 4
    assert count_parameters(model) == 18 + 2 + 2 + 2 + 2
