"""The encoders of texts and images in the rows of a table."""

from __future__ import annotations

import math

import torch
from torch import nn

from dlrun.data.spec import Block, DataSpec
from dlrun.options.models._blocks import EncodeBlocks, EncodeImage, EncodeText
from dlrun.options.models._layers import EmbedCategories, flat_inputs
from dlrun.options.models.linear import linear

BLOCKS = (Block("review", "text", 3, (5,), vocabulary_size=7), Block("photo", "image", 8, (3, 8, 8)))
SPEC = DataSpec("dense", (8 + 192,), "multiclass", 3, categories=(4,), blocks=BLOCKS)


def test_a_text_is_the_sum_of_its_words_over_the_root_of_their_number_and_their_maximum() -> None:
    torch.manual_seed(0)
    layer = EncodeText(7)
    vectors = layer.table.weight
    found = layer(torch.tensor([[2.0, 5, 2, 0, 0], [6, 0, 0, 0, 0]]))
    assert found.shape == (2, layer.width)
    torch.testing.assert_close(found[0, :64], (2 * vectors[2] + vectors[5]) / math.sqrt(3))
    torch.testing.assert_close(found[0, 64:], torch.maximum(vectors[2], vectors[5]))
    torch.testing.assert_close(found[1], torch.cat([vectors[6], vectors[6]]))


def test_padding_changes_nothing_and_a_text_without_words_is_zeros() -> None:
    layer = EncodeText(7)
    short, long = torch.tensor([[2.0, 3]]), torch.tensor([[2.0, 3, 0, 0, 0, 0]])
    assert torch.equal(layer(short), layer(long))
    empty = layer(torch.zeros(2, 4))
    assert not empty.any()
    (layer(long) + empty).sum().backward()
    gradient = layer.table.weight.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert not gradient[0].any()


def test_an_image_of_any_size_becomes_as_many_numbers() -> None:
    for shape in ((1, 8, 8), (3, 33, 33)):
        layer = EncodeImage(shape)
        assert layer(torch.zeros(2, math.prod(shape))).shape == (2, layer.width)


def test_numbers_pass_categories_are_embedded_and_blocks_are_encoded() -> None:
    torch.manual_seed(0)
    layer, width = flat_inputs(SPEC)
    assert isinstance(layer, EncodeBlocks)
    assert isinstance(layer.plain, EmbedCategories)
    rows = torch.rand(4, 200)
    rows[:, 2] = torch.tensor([0, 1, 2, 3])
    rows[:, 3:8] = torch.tensor([2, 3, 4, 0, 0])
    found = layer(rows)
    assert found.shape == (4, width) == (4, 2 + 2 + 128 + 128)
    assert torch.equal(found[:, :2], rows[:, :2])
    assert torch.equal(found[:, 4:132], layer.encoders[0](rows[:, 3:8]))
    assert torch.equal(found[:, 132:], layer.encoders[1](rows[:, 8:]))


def test_rows_may_have_nothing_but_a_text() -> None:
    spec = DataSpec("dense", (5,), "regression", 1, blocks=(Block("review", "text", 0, (5,), 7),))
    layer, width = flat_inputs(spec)
    assert (layer(torch.ones(2, 5)).shape, width) == ((2, 128), 128)


def test_a_linear_model_of_zeros_has_encoders_that_learn() -> None:
    model = linear(SPEC, init="zeros")
    assert not model[1].weight.any()  # type: ignore[index]
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 3
    assert all(module.weight.any() for module in convolutions)
    assert model(torch.zeros(2, 200)).tolist() == [[0, 0, 0]] * 2
