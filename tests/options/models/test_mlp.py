"""A multilayer perceptron's parameters by hand, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.models.mlp import mlp
from dlrun.tasks.task import count_parameters

IMAGES = DataSpec("image", (1, 8, 8), "multiclass", 10)
FIELDS: dict[str, Any] = {
    "hidden": [128, 128], "activation": "relu", "norm": "none", "dropout": 0.0, "init": "default"
}  # fmt: skip


def test_parameters_are_those_of_its_matrices_and_biases() -> None:
    model = mlp(IMAGES, **FIELDS)
    assert count_parameters(model) == (64 * 128 + 128) + (128 * 128 + 128) + (128 * 10 + 10)
    assert model(torch.randn(5, 1, 8, 8)).shape == (5, 10)


def test_batch_norm_replaces_the_bias() -> None:
    model = mlp(IMAGES, **{**FIELDS, "hidden": [16], "norm": "batch"})
    assert count_parameters(model) == 64 * 16 + 2 * 16 + (16 * 10 + 10)


def test_output_is_the_formula() -> None:
    model = mlp(DataSpec("dense", (3,), "binary", 2), **{**FIELDS, "hidden": [4], "activation": "tanh"})
    inputs = torch.randn(5, 3)
    first, second = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    expected = torch.tanh(inputs @ first.weight.T + first.bias) @ second.weight.T + second.bias
    assert expected.shape == (5, 1)
    torch.testing.assert_close(model(inputs), expected)


def test_dropout_is_active_in_training_only() -> None:
    model = mlp(IMAGES, **{**FIELDS, "dropout": 0.5})
    inputs = torch.randn(5, 1, 8, 8)
    assert not torch.equal(model(inputs), model(inputs))
    model.eval()
    assert torch.equal(model(inputs), model(inputs))


def test_no_hidden_layers_is_a_linear_model() -> None:
    assert count_parameters(mlp(IMAGES, **{**FIELDS, "hidden": []})) == 650


def test_sequences_of_one_length_are_flattened() -> None:
    model = mlp(DataSpec("sequence", (6, 2), "regression", 1), **FIELDS)
    assert model(torch.randn(5, 6, 2)).shape == (5, 1)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DataSpec("tokens", (9,), "binary", 2, vocabulary_size=5), r"(?s)model=mlp.*tokens.*Use model=rnn\."),
        (DataSpec("sequence", (9, 2), "binary", 2, has_lengths=True), r"(?s)model=mlp.*one length.*Use model=rnn\."),
    ],
)
def test_rows_that_cannot_be_flattened_are_refused(spec: DataSpec, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mlp(spec, **FIELDS)
