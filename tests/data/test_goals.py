"""dlrun.data.goals: targets, outputs and descriptions of each goal, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dlrun.data.goals import Goal, goal_of_classes, has_tokens, num_outputs, typed_targets
from dlrun.data.spec import DataSpec


def test_two_classes_are_binary_and_more_multiclass() -> None:
    assert [goal_of_classes(count) for count in (2, 3)] == ["binary", "multiclass"]


def test_numbers_are_float_columns_and_classes_stay_as_they_are() -> None:
    numbers = typed_targets("regression", torch.tensor([1, 2]))
    assert (numbers.tolist(), numbers.dtype) == ([[1.0], [2.0]], torch.float32)
    classes = torch.tensor([1, 0])
    assert typed_targets("binary", classes) is classes


@pytest.mark.parametrize(
    ("goal", "targets", "names", "vocabulary_size", "count"),
    [
        ("regression", torch.zeros(4, 3), ("a", "b", "c"), None, 3),
        ("multiclass", torch.tensor([0, 4]), (), None, 5),
        ("multiclass", torch.tensor([0, 1]), ("a", "b", "c"), 100, 3),
        ("language", torch.tensor([[0, 4]]), (), None, 5),
        ("language", torch.tensor([[0, 4]]), (), 9, 9),
    ],
)
def test_the_number_of_outputs(
    goal: Goal, targets: Tensor, names: tuple[str, ...], vocabulary_size: int | None, count: int
) -> None:
    assert num_outputs(goal, targets, class_names=names, vocabulary_size=vocabulary_size) == count


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (DataSpec("dense", (1,), "regression", 1), "1 feature, 1 number to predict"),
        (DataSpec("dense", (3,), "regression", 2), "3 features, 2 numbers to predict"),
        (DataSpec("image", (1, 8, 6), "multiclass", 10), "6x8 grey images, 10 classes"),
        (DataSpec("image", (4, 8, 8), "binary", 2), "8x8 4-channel images, 2 classes"),
        (DataSpec("sequence", (5, 2), "regression", 1), "sequences of 5 steps x 2 features, 1 number to predict"),
        (DataSpec("tokens", (7,), "binary", 2), "texts of up to 7 tokens, 2 classes"),
        (DataSpec("tokens", (7,), "language", 11), "windows of 7 tokens, the next out of 11 to predict"),
    ],
)
def test_a_description_names_inputs_and_goal(spec: DataSpec, text: str) -> None:
    assert spec.describe() == text


def test_only_language_models_have_a_target_for_each_token() -> None:
    goals: tuple[Goal, ...] = ("regression", "binary", "multiclass", "language", "several")
    assert [goal for goal in goals if has_tokens(goal)] == ["language"]
