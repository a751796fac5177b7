"""Transformers: padding and, in a language model, later steps have no effect."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.models.transformer import transformer
from dlrun.tasks.task import count_parameters

FIELDS: dict[str, Any] = {
    "width": 8, "heads": 2, "layers": 2, "feedforward": 16, "dropout": 0.0, "init": "default",
}  # fmt: skip
TEXTS = DataSpec("tokens", (7,), "multiclass", 3, vocabulary_size=11, has_lengths=True)
LANGUAGE = DataSpec("tokens", (7,), "language", 11, vocabulary_size=11)
LENGTHS = torch.tensor([3, 7, 1, 5])


def build(spec: DataSpec = TEXTS, **fields: Any) -> nn.Module:
    torch.manual_seed(0)
    return transformer(spec, **{**FIELDS, **fields}).eval()


def test_a_batch_of_mixed_lengths_equals_its_rows_one_by_one() -> None:
    model = build()
    tokens = torch.randint(1, 11, (4, 7))
    alone = [model(row[None, :length]) for row, length in zip(tokens, LENGTHS.tolist(), strict=True)]
    torch.testing.assert_close(model(tokens, LENGTHS), torch.cat(alone), rtol=1e-5, atol=1e-6)


def test_padding_has_no_effect() -> None:
    model = build(DataSpec("sequence", (7, 5), "regression", 2, has_lengths=True))
    inputs = torch.randn(4, 7, 5)
    padding = (torch.arange(7) >= LENGTHS.unsqueeze(1)).unsqueeze(2)
    for filling in (1e6, float("inf"), float("nan")):
        assert torch.equal(model(inputs.masked_fill(padding, filling), LENGTHS), model(inputs, LENGTHS))
    assert model(inputs, torch.zeros(4, dtype=torch.int64)).isfinite().all()


def test_a_language_model_predicts_every_step_from_the_previous_ones() -> None:
    model = build(LANGUAGE)
    tokens = torch.randint(2, 11, (4, 7))
    logits = model(tokens)
    assert logits.shape == (4, 7, 11)
    tokens[:, 4:] = 2
    torch.testing.assert_close(model(tokens)[:, :4], logits[:, :4])
    assert model(tokens[:, :3]).shape == (4, 3, 11)


def test_the_order_of_steps_matters() -> None:
    model = build()
    tokens = torch.randint(1, 11, (4, 7))
    assert not torch.allclose(model(tokens), model(tokens.flip(1)))


def test_parameters() -> None:
    block = 16 + (8 * 24 + 24) + (8 * 8 + 8) + 16 + (8 * 16 + 16) + (16 * 8 + 8)
    assert count_parameters(build()) == 11 * 8 + 7 * 8 + 2 * block + 16 + (8 * 3 + 3)


def test_dropout_is_active_in_training_only() -> None:
    model = build(dropout=0.5)
    tokens = torch.randint(1, 11, (4, 7))
    assert torch.equal(model(tokens), model(tokens))
    model.train()
    assert not torch.equal(model(tokens), model(tokens))


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(ConfigError, match="A transformer reads tokens or time steps, but this dataset has 4 features"):
        build(DataSpec("dense", (4,), "multiclass", 3))
    with pytest.raises(ConfigError, match=r"model.heads=3\n.*divides model.width=8; try 8"):
        build(heads=3)
    with pytest.raises(ConfigError, match="its Source does not set vocabulary_size"):
        build(DataSpec("tokens", (7,), "multiclass", 3))
