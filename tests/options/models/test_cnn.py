"""A convolutional network's shapes and parameters by hand, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.models._layers import ACTIVATIONS, MONOTONE, activation
from dlrun.options.models.cnn import cnn
from dlrun.tasks.task import count_parameters

FIELDS: dict[str, Any] = {
    "channels": [32, 64], "kernel": 3, "padding": "same", "pool": "max", "pool_size": 2, "norm": "none",
    "dropout": 0.0, "hidden": [128], "activation": "relu", "init": "default",
}  # fmt: skip


def images(height: int, width: int | None = None, channels: int = 1) -> DataSpec:
    return DataSpec("image", (channels, height, width or height), "multiclass", 10)


def test_parameters_and_shape() -> None:
    model = cnn(images(28), **FIELDS)
    convolutions = (1 * 9 * 32 + 32) + (32 * 9 * 64 + 64)
    assert count_parameters(model) == convolutions + (64 * 7 * 7 * 128 + 128) + (128 * 10 + 10)
    assert model(torch.randn(2, 1, 28, 28)).shape == (2, 10)


def test_valid_padding_shrinks_each_side() -> None:
    model = cnn(images(8, 10), **{**FIELDS, "padding": "valid", "pool": "none", "hidden": []})
    assert count_parameters(model) == 320 + 18496 + (64 * 4 * 6 * 10 + 10)  # 8x10 -> 6x8 -> 4x6
    assert model(torch.randn(2, 1, 8, 10)).shape == (2, 10)


def test_padding_in_pixels_and_average_pooling() -> None:
    model = cnn(images(8), **{**FIELDS, "channels": [4], "padding": 2, "pool": "avg", "pool_size": 5, "hidden": []})
    assert count_parameters(model) == (9 * 4 + 4) + (4 * 2 * 2 * 10 + 10)  # 8 -> 10 -> 2
    assert model(torch.randn(2, 1, 8, 8)).shape == (2, 10)


def test_batch_norm_replaces_the_bias() -> None:
    model = cnn(images(8), **{**FIELDS, "channels": [4], "norm": "batch", "hidden": []})
    assert count_parameters(model) == 9 * 4 + 2 * 4 + (4 * 4 * 4 * 10 + 10)


@pytest.mark.parametrize(
    ("spec", "fields", "message"),
    [
        (DataSpec("dense", (4,), "binary", 2), {}, r"(?s)model=cnn.*needs images.*4 features.*Use model=mlp"),
        (images(8), {"kernel": 9, "padding": "valid"}, r"(?s)model\.kernel=9.*Block 1 receives images of 8x8"),
        (images(8), {"kernel": 4}, r'(?s)model\.kernel=4.*"same" needs an odd kernel'),
        (images(8), {"channels": [4] * 4}, r"(?s)model\.pool_size=2.*Block 4 pools images of 1x1.*fewer than 4"),
    ],
)
def test_what_does_not_fit_is_an_error(spec: DataSpec, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cnn(spec, **{**FIELDS, **fields})


@pytest.mark.parametrize("name", sorted(MONOTONE))
def test_pooling_before_a_monotone_activation_changes_no_value(name: str) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(4, 3, 8, 8, requires_grad=True)
    pool, act = torch.nn.MaxPool2d(2), activation(name)
    ours, theirs = act(pool(inputs)), pool(act(inputs.clone()))  # an activation may change its input
    assert torch.equal(ours, theirs)
    weights = torch.randn_like(ours)
    gradients = [torch.autograd.grad((out * weights).sum(), inputs)[0] for out in (ours, theirs)]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=0)


def test_other_activations_stay_before_the_pooling() -> None:
    assert set(ACTIVATIONS) - {"gelu", "silu"} == MONOTONE
    x = torch.tensor([[[[-2.0, -0.1], [-2.0, -0.1]]]])
    pool = torch.nn.MaxPool2d(2)
    assert not torch.equal(pool(activation("gelu")(x)), activation("gelu")(pool(x)))
