"""Activations, normalisation and initialisation do what their names say."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import nn

from dlrun.configuration.schema import fields
from dlrun.data.spec import DataSpec
from dlrun.options.models._layers import (
    ACTIVATIONS,
    EmbedCategories,
    activation,
    dense_layers,
    flat_inputs,
    initialise,
    norm_1d,
    norm_2d,
)


def test_every_activation_that_a_field_may_name_exists() -> None:
    assert set(ACTIVATIONS) == set(get_args(fields.Activation))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", 0.0),
        ("leaky_relu", -0.2),
        ("elu", math.exp(-1) - 1),
        ("selu", 1.0507009873554805 * 1.6732632423543772 * (math.exp(-1) - 1)),
        ("gelu", -(1 + math.erf(-1 / math.sqrt(2))) / 2),
        ("silu", -1 / (1 + math.e)),
        ("tanh", math.tanh(-1)),
        ("sigmoid", 1 / (1 + math.e)),
        ("softplus", math.log(1 + math.exp(-1))),
        ("identity", -1.0),
    ],
)
def test_activation_at_minus_one(name: str, expected: float) -> None:
    assert activation(name)(torch.tensor(-1.0)).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", get_args(fields.Norm))
def test_norms_keep_the_shape_and_normalise_their_axes(name: str) -> None:
    torch.manual_seed(0)
    rows, images = torch.randn(6, 32) * 3 + 1, torch.randn(6, 32, 4, 4) * 3 + 1
    flat, deep = norm_1d(name, 32)(rows), norm_2d(name, 32)(images)
    assert (flat.shape, deep.shape) == (rows.shape, images.shape)
    flat_means = {
        "none": None, "batch": flat.mean(0), "layer": flat.mean(1), "group": flat.reshape(6, 2, 16).mean(2)
    }[name]  # fmt: skip
    deep_means = {
        "none": None, "batch": deep.mean((0, 2, 3)), "layer": deep.mean((1, 2, 3)),
        "group": deep.reshape(6, 2, -1).mean(2),
    }[name]  # fmt: skip
    if flat_means is None or deep_means is None:
        assert torch.equal(flat, rows)
        return
    torch.testing.assert_close(flat_means, torch.zeros_like(flat_means), atol=1e-5, rtol=0)
    torch.testing.assert_close(deep_means, torch.zeros_like(deep_means), atol=1e-5, rtol=0)


@pytest.mark.parametrize("width", [1, 7, 30, 48, 100])
def test_group_norm_fits_every_width(width: int) -> None:
    assert norm_1d("group", width)(torch.randn(2, width)).shape == (2, width)
    assert norm_2d("group", width)(torch.randn(2, width, 2, 2)).shape == (2, width, 2, 2)


def test_default_keeps_the_weights_of_torch() -> None:
    layer = nn.Linear(3, 4)
    before = layer.weight.clone()
    assert torch.equal(initialise(layer, "default").weight, before)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "deviation"),
    [("kaiming", math.sqrt(2 / 200)), ("xavier", math.sqrt(2 / 500)), ("normal", 0.02), ("zeros", 0.0)],
)
def test_deviation_of_a_matrix(name: str, deviation: float) -> None:
    torch.manual_seed(0)
    layer = initialise(nn.Linear(200, 300), name)
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.02)  # type: ignore[operator, union-attr]
    assert torch.equal(layer.bias, torch.zeros(300))  # type: ignore[arg-type]


def test_orthogonal_rows() -> None:
    torch.manual_seed(0)
    weight = initialise(nn.Linear(8, 5), "orthogonal").weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(5), atol=1e-5, rtol=0)  # type: ignore[operator, union-attr]


def test_recurrent_and_convolutional_layers_are_initialised_too() -> None:
    model = nn.Sequential(nn.GRU(3, 4), nn.Conv2d(1, 2, 3), nn.ConvTranspose2d(2, 1, 3))
    assert all(not parameter.any() for parameter in initialise(model, "zeros").parameters())


def test_dense_layers_return_their_last_width() -> None:
    layers, width = dense_layers(4, [8, 6], activation_name="relu", norm="layer", dropout=0.1)
    assert [type(layer).__name__ for layer in layers] == ["Linear", "LayerNorm", "ReLU", "Dropout"] * 2
    assert width == 6
    assert dense_layers(4, [], activation_name="relu") == ([], 4)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_in_place_activation_has_the_output_and_gradient_of_torch(name: str) -> None:
    torch.manual_seed(0)
    ours = activation(name)
    theirs = type(ours)(0.2) if name == "leaky_relu" else type(ours)()
    inputs = torch.randn(5, 7, requires_grad=True)
    weights = torch.randn(5, 7)
    found = [layer(inputs * 1.0) for layer in (ours, theirs)]  # a tensor of their own each
    assert torch.equal(*found)
    gradients = [torch.autograd.grad((out * weights).sum(), inputs)[0] for out in found]
    assert torch.equal(*gradients)


def test_codes_become_trained_vectors_and_code_0_the_zero_vector() -> None:
    layer = EmbedCategories([3, 200])
    assert layer.width == 2 + 50  # min(50, (codes + 1) // 2)
    rows = torch.tensor([[0.5, -1.0, 1.0, 199.0], [0.5, -1.0, 0.0, 0.0]])
    out = layer(rows)
    assert out.shape == (2, 2 + 52)
    assert out[:, :2].tolist() == [[0.5, -1.0]] * 2
    first, second = (table.weight for table in layer.tables)
    assert torch.equal(out[0, 2:4], first[1])  # type: ignore[index]
    assert torch.equal(out[0, 4:], second[199])  # type: ignore[index]
    assert not out[1, 2:].any()
    out.sum().backward()
    assert not first.grad[0].any()  # type: ignore[union-attr, index]
    assert first.grad[1].all()  # type: ignore[union-attr, index]


def test_flat_inputs_return_the_width_with_embeddings() -> None:
    plain, width = flat_inputs(DataSpec("image", (1, 2, 3), "binary", 2))
    assert (plain(torch.zeros(4, 1, 2, 3)).shape, width) == ((4, 6), 6)
    embedding, width = flat_inputs(DataSpec("dense", (5,), "binary", 2, categories=(4, 9)))
    assert width == 3 + 2 + 5
    assert embedding(torch.zeros(4, 5)).shape == (4, 10)
