"""A residual network's parameters against the published number, its shortcuts, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.models.resnet import resnet
from dlrun.tasks.task import count_parameters

FIELDS: dict[str, Any] = {
    "blocks": [3, 3, 3], "channels": [16, 32, 64], "activation": "relu", "dropout": 0.0, "init": "kaiming"
}  # fmt: skip


def images(height: int, width: int | None = None, channels: int = 3) -> DataSpec:
    return DataSpec("image", (channels, height, width or height), "multiclass", 10)


def test_resnet_20_has_the_parameters_of_the_paper_and_its_projections() -> None:
    published = 269_722  # He et al. 2016, table 6: 0.27M, with shortcuts that have no parameters
    projections = (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)
    model = resnet(images(32), **FIELDS)
    assert count_parameters(model) == published + projections
    assert sum(isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3) for layer in model.modules()) == 19


def test_each_stage_but_the_first_halves_the_image() -> None:
    model = resnet(images(32), **FIELDS)
    sizes: list[tuple[int, ...]] = []
    model[-3].register_forward_hook(lambda _, inputs, __: sizes.append(tuple(inputs[0].shape)))
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert sizes == [(2, 64, 8, 8)]


def test_a_block_with_a_zero_residual_is_its_shortcut() -> None:
    model = resnet(images(8), **{**FIELDS, "blocks": [1], "channels": [4]})
    block = model[3]
    nn.init.zeros_(block.residual[-1].weight)
    inputs = torch.rand(2, 4, 8, 8)  # from 0 up, so that the activation does not change it
    assert torch.equal(block(inputs), inputs)


def test_the_smallest_image_for_three_stages() -> None:
    model = resnet(images(4, 7, channels=1), **{**FIELDS, "dropout": 0.1}).eval()
    assert model(torch.randn(2, 1, 4, 7)).shape == (2, 10)


@pytest.mark.parametrize(
    ("spec", "fields", "message"),
    [
        (DataSpec("dense", (4,), "binary", 2), {}, r"(?s)model=resnet.*needs images.*4 features.*Use model=mlp"),
        (DataSpec("tokens", (4,), "binary", 2), {}, r"(?s)model=resnet.*texts.*Use model=rnn"),
        (images(8), {"blocks": [3]}, r"(?s)model\.blocks.*model\.blocks has 1 entries and model\.channels has 3"),
        (images(8), {"blocks": [], "channels": []}, r"(?s)model\.blocks.*model\.blocks has 0 entries.*at least 1"),
        (images(3, 9), {}, r"(?s)model\.blocks.*3 stages halve the image 2 times.*9x3 can be halved 1 time"),
    ],
)
def test_what_does_not_fit_is_an_error(spec: DataSpec, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resnet(spec, **{**FIELDS, **fields})
