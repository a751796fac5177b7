"""The model of texts: what it counts, that padding has no effect, that it learns order, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.models.text import text
from dlrun.tasks.task import FitsData, count_parameters

FIELDS: dict[str, Any] = {
    "embedding": 6, "filters": 5, "window": 3, "pairs": 16, "dropout": 0.0, "embedding_dropout": 0.0,
}  # fmt: skip
SPEC = DataSpec("tokens", (4,), "multiclass", 3, vocabulary_size=8, has_lengths=True)


def build(spec: DataSpec = SPEC, **fields: Any) -> Any:
    torch.manual_seed(0)
    model = text(spec, **{**FIELDS, **fields}).eval()
    nn.init.normal_(model.linear.weight)
    return model


def test_parameters_and_shape() -> None:
    model = build()
    assert count_parameters(model) == (8 + 16) * 3 + 8 * 6 + (6 * 3 * 5 + 5) + (6 + 5) * 3 + 3
    assert model(torch.tensor([[2, 3, 4, 0]]), torch.tensor([3])).shape == (1, 3)
    binary = DataSpec("tokens", (4,), "binary", 2, vocabulary_size=8)
    assert build(binary)(torch.tensor([[2, 3, 4, 5]])).shape == (1, 1)


@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_padding_has_no_effect(window: int) -> None:
    model = build(window=window)
    alone = model(torch.tensor([[2, 3, 2]]), torch.tensor([3]))
    padded = model(torch.tensor([[2, 3, 2, 7, 7], [4, 5, 6, 7, 2]]), torch.tensor([3, 5]))
    assert torch.allclose(alone[0], padded[0], atol=1e-6)


@pytest.mark.parametrize("pairs", [0, 16])
def test_in_a_graph_it_computes_the_same_by_position(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(pairs=pairs)
    model.idf.copy_(torch.rand(len(model.idf)))
    texts = torch.tensor([[2, 3, 2, 3, 2], [4, 5, 6, 7, 7], [5, 7, 7, 7, 7]])
    lengths = torch.tensor([5, 3, 1])
    wanted = model(texts, lengths), model(texts[:, :1])
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    found = model(texts, lengths), model(texts[:, :1])
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("pairs", [0, 16])
def test_texts_of_one_word_and_of_none_are_predicted(pairs: int) -> None:
    out = build(pairs=pairs)(torch.tensor([[2], [0]]), torch.tensor([1, 0]))
    assert out.isfinite().all()


def test_idf_counts_texts_and_pairs_of_one_text_have_no_weight() -> None:
    model = build(pairs=1000)
    inputs, lengths = torch.tensor([[2, 3, 3, 3], [2, 3, 0, 0], [5, 6, 0, 0]]), torch.tensor([4, 2, 2])
    assert isinstance(model, FitsData)
    model.fit_to(MemorySplit(inputs, torch.zeros(3, dtype=torch.long), lengths=lengths))
    assert model.idf[2].item() == pytest.approx(math.log(4 / 3) + 1)  # in two of three texts
    assert model.idf[7].item() == pytest.approx(math.log(4 / 1) + 1)  # in none
    pairs = model.idf[8:]
    assert pairs.count_nonzero() == 1  # (2, 3) alone is in two texts
    assert pairs.max().item() == pytest.approx(math.log(4 / 3) + 1)


def test_the_linear_part_is_tf_idf_of_length_one() -> None:
    model = build(pairs=0)
    nn.init.zeros_(model.output.weight)
    nn.init.zeros_(model.output.bias)
    model.idf[2], model.idf[3] = 2.0, 1.5
    out = model(torch.tensor([[2, 3, 3]]), torch.tensor([3]))
    weights = torch.tensor([2.0, 1.5 * (1 + math.log(2))])
    expected = (weights / weights.norm()) @ model.linear.weight[2:4]
    assert torch.allclose(out[0], expected, atol=1e-6)


def test_it_learns_the_order_of_words() -> None:
    inputs = torch.tensor([[2, 3, 4, 2], [3, 2, 2, 4], [4, 2, 3, 2], [2, 4, 3, 2]])  # class 1: 2 before 3
    targets = torch.tensor([1, 0, 1, 0])
    spec = DataSpec("tokens", (4,), "binary", 2, vocabulary_size=8)
    model = build(spec, pairs=0).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(80):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(inputs)[:, 0], targets.float())
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DataSpec("dense", (4,), "binary", 2), r"(?s)model=text.*classifies texts.*4 features.*another model"),
        (
            DataSpec("tokens", (4,), "language", 9, vocabulary_size=9),
            r"(?s)model=text.*cannot predict the next token. Use model=rnn or transformer",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(spec: DataSpec, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(spec)
