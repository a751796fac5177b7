"""dlrun.runs.export.postprocessors: from a model's outputs to predictions."""

from __future__ import annotations

import math

import pytest
import torch

from dlrun.data.goals import Part
from dlrun.data.spec import DataSpec, Scaling
from dlrun.runs.export.postprocessors import ImagesPostprocessor, postprocessor_of


def spec(goal: str, outputs: int, **more: object) -> DataSpec:
    return DataSpec("dense", (2,), goal, outputs, **more)  # type: ignore[arg-type]


def test_classes_have_probabilities() -> None:
    postprocessor = postprocessor_of(spec("multiclass", 3, class_names=("a", "b", "c")))
    number, probabilities = postprocessor(torch.tensor([[0.0, math.log(2), 0.0]]))
    assert number.tolist() == [1]
    assert probabilities[0].tolist() == pytest.approx([0.25, 0.5, 0.25])
    assert [value.details["role"] for value in postprocessor.values] == ["class", "probabilities"]
    assert postprocessor.values[1].details["classes"] == ["a", "b", "c"]


def test_two_classes_have_one_logit_of_the_second() -> None:
    number, probabilities = postprocessor_of(spec("binary", 2, class_names=("no", "yes")))(
        torch.tensor([[math.log(3)], [-1.0]])
    )
    assert number.tolist() == [1, 0]
    assert probabilities[0].tolist() == pytest.approx([0.25, 0.75])


def test_numbers_return_to_their_units() -> None:
    postprocessor = postprocessor_of(
        spec("regression", 2, target_mean=(10.0, -1.0), target_std=(2.0, 0.5), class_names=("x", "y"))
    )
    (found,) = postprocessor(torch.tensor([[1.0, 2.0]]))
    assert found.tolist() == [[12.0, 0.0]]
    assert postprocessor.values[0].details["names"] == ["x", "y"]
    assert not postprocessor.keeps
    plain = postprocessor_of(spec("regression", 1))
    assert plain.keeps
    assert plain.values[0].details["names"] == ["prediction"]
    assert postprocessor_of(spec("regression", 2)).values[0].details["names"] == ["prediction_1", "prediction_2"]


def test_several_targets_are_named_after_their_columns() -> None:
    parts = (Part("the price", "regression"), Part("colour", "binary", ("red", "blue")))
    postprocessor = postprocessor_of(spec("several", 2, parts=parts, target_mean=(100.0, 0.0), target_std=(10.0, 1.0)))
    assert [value.name for value in postprocessor.values] == [
        "prediction_the_price",
        "class_colour",
        "probabilities_colour",
    ]
    price, colour, probabilities = postprocessor(torch.tensor([[-1.0, 0.0]]))
    assert price.tolist() == [[90.0]]
    assert colour.tolist() == [0]
    assert probabilities.tolist() == [[0.5, 0.5]]


def test_a_language_model_gives_logits_at_every_step() -> None:
    postprocessor = postprocessor_of(DataSpec("tokens", (6,), "language", 9, vocabulary_size=9))
    assert postprocessor.values[0].shape == ("batch", "time", 9)
    outputs = torch.zeros(1, 2, 9)
    assert postprocessor(outputs) == (outputs,)


def test_images_are_in_the_range_of_the_data() -> None:
    postprocessor = ImagesPostprocessor(
        DataSpec("image", (1, 1, 1), "multiclass", 2), Scaling((1.0,), (1.0,), 0.0, 255.0)
    )
    (found,) = postprocessor(torch.tensor([[[[-1.0]]], [[[1.0]]]]))
    assert found.flatten().tolist() == [0.0, 255.0]
