"""Precision, recall and F1 of each class."""

from __future__ import annotations

import torch
from torch import nn

from dlrun.data.goals import Part
from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.goals import goal_of
from dlrun.tasks.per_class import figures_of, per_class_of, worst_classes
from dlrun.tasks.task import SupervisedTask


class Same(nn.Module):
    """Returns its inputs as logits."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


def test_figures_worked_out_by_hand() -> None:
    confusion = torch.tensor([[3.0, 1.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    assert figures_of(confusion, ["a", "b", "never seen"]) == {
        "a": {"precision": 0.6, "recall": 0.75, "f1": 0.666667, "support": 4},
        "b": {"precision": 0.8, "recall": 0.666667, "f1": 0.727273, "support": 6},
        "never seen": {"precision": None, "recall": None, "f1": None, "support": 0},
    }


def test_weights_count_as_rows_do() -> None:
    figures = figures_of(torch.tensor([[0.5, 0.0], [1.5, 1.0]]), ["a", "b"])
    assert figures["a"] == {"precision": 0.25, "recall": 1.0, "f1": 0.4, "support": 0.5}
    assert figures["b"]["support"] == 2.5


def test_of_many_classes_those_with_the_lowest_f1_are_kept_in_their_order() -> None:
    figures = {str(number): {"f1": f1} for number, f1 in enumerate([0.9, None, 0.1, 0.5])}
    assert list(worst_classes(figures, most=2)) == ["2", "3"]
    assert worst_classes(figures, most=4) == figures


def test_an_evaluation_of_one_target_and_of_several() -> None:
    one = DataSpec("dense", (3,), "multiclass", 3, class_names=("a", "b", "c"))
    logits = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]])
    found = per_class_of(evaluated(one, Batch(logits, torch.tensor([0, 0, 1, 2]))), one, split="test")
    assert list(found) == ["test"]
    assert found["test"]["a"] == {"precision": 1.0, "recall": 0.5, "f1": 0.666667, "support": 2}
    parts = (Part("price", "regression"), Part("eye colour", "binary", ("blue", "brown")))
    several = DataSpec("dense", (2,), "several", 2, parts=parts, target_mean=(0.0, 0.0), target_std=(1.0, 1.0))
    batch = Batch(torch.tensor([[1.0, 2.0], [1.0, -2.0]]), torch.tensor([[1.0, 1.0], [1.0, 1.0]]))
    found = per_class_of(evaluated(several, batch), several, split="val")
    assert list(found) == ["val/eye_colour"]
    assert found["val/eye_colour"]["brown"] == {"precision": 1.0, "recall": 0.5, "f1": 0.666667, "support": 2}


def test_numbers_have_no_classes() -> None:
    spec = DataSpec("dense", (1,), "regression", 1)
    assert per_class_of(evaluated(spec, Batch(torch.ones(2, 1), torch.ones(2, 1))), spec, split="test") == {}


def evaluated(spec: DataSpec, batch: Batch):  # type: ignore[no-untyped-def]
    class Zero(nn.Module):
        def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return outputs.sum() * 0

    assert goal_of(spec).num_logits(spec) == batch.inputs.shape[1]
    evaluation = SupervisedTask(Same(), Zero(), spec).evaluation()
    evaluation.add(batch)
    return evaluation
