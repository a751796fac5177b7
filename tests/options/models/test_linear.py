"""The linear model is one matrix and one bias, whatever the shape of a row."""

from __future__ import annotations

import pytest
import torch

from dlrun.data.spec import DataSpec, Kind
from dlrun.errors import ConfigError
from dlrun.options.models.linear import linear
from dlrun.tasks.task import count_parameters


def spec(kind: Kind, shape: tuple[int, ...], **more: object) -> DataSpec:
    return DataSpec(kind, shape, **{"goal": "multiclass", "num_outputs": 3, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "shape"), [("dense", (12,)), ("image", (3, 2, 2)), ("sequence", (4, 3))])
def test_rows_of_any_shape_are_flattened(kind: Kind, shape: tuple[int, ...]) -> None:
    model = linear(spec(kind, shape), init="default")
    inputs = torch.randn(5, *shape)
    state = model.state_dict()
    assert list(state) == ["weight", "bias"]
    assert state["weight"].shape == (3, 12)
    assert count_parameters(model) == 12 * 3 + 3
    torch.testing.assert_close(model(inputs), inputs.reshape(5, 12) @ state["weight"].T + state["bias"])


def test_two_classes_have_one_logit_and_a_regression_one_output_for_each_number() -> None:
    assert linear(spec("dense", (4,), goal="binary", num_outputs=2), init="default")(torch.zeros(5, 4)).shape == (5, 1)
    model = linear(spec("dense", (4,), goal="regression", num_outputs=2), init="default")
    assert model(torch.zeros(5, 4)).shape == (5, 2)


def test_zero_weights_give_equal_classes() -> None:
    assert torch.equal(linear(spec("dense", (4,)), init="zeros")(torch.randn(5, 4)), torch.zeros(5, 3))


def test_tokens_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"(?s)model=linear.*texts of up to 9 tokens.*Use model=rnn\."):
        linear(spec("tokens", (9,), vocabulary_size=5), init="default")


def test_rows_of_different_lengths_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"(?s)model=linear.*rows of one length.*sequences of 9 steps x 2.*model=rnn"):
        linear(spec("sequence", (9, 2), has_lengths=True), init="default")
