"""Recurrent networks against torch's packed sequences; padding has no say in anything."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.models.rnn import rnn
from dlrun.task import count_parameters

FIELDS: dict[str, Any] = {
    "cell": "lstm", "hidden": 8, "layers": 2, "bidirectional": True, "pool": "last", "dropout": 0.0,
    "embedding_dropout": 0.0, "embedding_std": 1.0,
    "embedding": 6, "init": "default",
}  # fmt: skip
SEQUENCES = DataSpec("sequence", (7, 5), "multiclass", 3, has_lengths=True)
LENGTHS = torch.tensor([3, 7, 1, 5])


def build(spec: DataSpec = SEQUENCES, **fields: Any) -> nn.Module:
    torch.manual_seed(0)
    return rnn(spec, **{**FIELDS, **fields}).eval()


def packed(model: nn.Module, inputs: Tensor, lengths: Tensor, **fields: Any) -> Tensor:
    """The same network as one torch module over a packed sequence."""
    settings = {**FIELDS, **fields}
    kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[settings["cell"]]
    whole = kind(
        inputs.shape[2],
        settings["hidden"],
        settings["layers"],
        batch_first=True,
        bidirectional=settings["bidirectional"],
    )
    for layer, directions in enumerate(model.layers):  # type: ignore[arg-type]
        for direction, part in enumerate(directions):
            for name, parameter in part.named_parameters():
                target = name.replace("_l0", f"_l{layer}") + ("_reverse" if direction else "")
                getattr(whole, target).data.copy_(parameter)
    rows = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    out, state = whole(rows)
    if settings["pool"] == "mean":
        steps, _ = pad_packed_sequence(out, batch_first=True)
        features = steps.sum(dim=1) / lengths.unsqueeze(1)
    else:
        last = state[0] if settings["cell"] == "lstm" else state
        features = torch.cat([last[-2], last[-1]], dim=1) if settings["bidirectional"] else last[-1]
    result: Tensor = model.output(features)  # type: ignore[operator]
    return result


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("pool", ["last", "mean"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_it_equals_a_packed_sequence(cell: str, pool: str, bidirectional: bool) -> None:
    fields = {"cell": cell, "pool": pool, "bidirectional": bidirectional}
    model = build(**fields)
    inputs = torch.randn(4, 7, 5)
    torch.testing.assert_close(
        model(inputs, LENGTHS), packed(model, inputs, LENGTHS, **fields), rtol=1e-5, atol=1e-5
    )  # fmt: skip


@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_is_never_read(pool: str, bidirectional: bool) -> None:
    model = build(pool=pool, bidirectional=bidirectional)
    inputs = torch.randn(4, 7, 5)
    padding = torch.arange(7) >= LENGTHS.unsqueeze(1)
    out = model(inputs, LENGTHS)
    for filling in (1e6, float("inf"), float("nan")):
        other = inputs.masked_fill(padding.unsqueeze(2), filling)
        assert torch.equal(model(other, LENGTHS), out)
    model.zero_grad()
    model(inputs.masked_fill(padding.unsqueeze(2), float("nan")), LENGTHS).sum().backward()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
def test_a_batch_of_mixed_lengths_equals_its_rows_one_by_one(pool: str) -> None:
    model = build(pool=pool)
    inputs = torch.randn(4, 7, 5)
    alone = [model(row[None, :length]) for row, length in zip(inputs, LENGTHS.tolist(), strict=True)]
    torch.testing.assert_close(model(inputs, LENGTHS), torch.cat(alone), rtol=1e-5, atol=1e-6)


def test_tokens_are_embedded_and_padding_tokens_do_not_matter() -> None:
    spec = DataSpec("tokens", (7,), "binary", 2, vocabulary_size=11, has_lengths=True)
    model = build(spec, cell="gru", layers=1, bidirectional=False)
    gates = 3 * (6 * 8 + 8 * 8 + 8 + 8)
    assert count_parameters(model) == 11 * 6 + gates + (8 + 1)
    tokens = torch.randint(1, 11, (4, 7))
    out = model(tokens, LENGTHS)
    assert out.shape == (4, 1)
    assert torch.equal(model(tokens.masked_fill(torch.arange(7) >= LENGTHS.unsqueeze(1), 0), LENGTHS), out)


def test_a_row_of_nothing_is_finite() -> None:
    for pool in ("last", "mean", "max", "attention"):
        assert build(pool=pool)(torch.randn(2, 7, 5), torch.tensor([0, 0])).isfinite().all()


def test_an_image_is_read_row_by_row() -> None:
    model = build(DataSpec("image", (3, 4, 5), "multiclass", 10), cell="rnn", layers=1, bidirectional=False)
    images = torch.randn(2, 3, 4, 5)
    rows = torch.stack([torch.cat([images[:, c, y] for c in range(3)], dim=1) for y in range(4)], dim=1)
    steps, _ = model.layers[0][0](rows)  # type: ignore[index, operator]
    assert rows.shape == (2, 4, 15)
    torch.testing.assert_close(model(images), model.output(steps[:, -1]))  # type: ignore[operator]


def test_parameters_of_two_layers_both_ways() -> None:
    first, second = 4 * (5 * 8 + 8 * 8 + 16), 4 * (16 * 8 + 8 * 8 + 16)
    assert count_parameters(build()) == 2 * first + 2 * second + (16 * 3 + 3)


@pytest.mark.parametrize("pool", ["max", "attention"])
def test_states_are_pooled_over_steps(pool: str) -> None:
    model = build(pool=pool, layers=1, bidirectional=False)
    inputs = torch.randn(4, 7, 5)
    steps, _ = model.layers[0][0](inputs)  # type: ignore[index, operator]
    if pool == "max":
        features = steps.amax(dim=1)
    else:
        shares = model.attention(steps.tanh()).exp()  # type: ignore[operator]
        features = (shares * steps).sum(dim=1) / shares.sum(dim=1)
    torch.testing.assert_close(model(inputs), model.output(features))  # type: ignore[operator]


LANGUAGE = DataSpec("tokens", (7,), "language", 11, vocabulary_size=11)


def test_a_language_model_guesses_at_every_step_from_those_before() -> None:
    model = build(LANGUAGE, bidirectional=False)
    tokens = torch.randint(2, 11, (4, 7))
    logits = model(tokens)
    assert logits.shape == (4, 7, 11)
    tokens[:, 4:] = 2
    assert torch.equal(model(tokens)[:, :4], logits[:, :4])


def test_a_language_model_reads_forward_only() -> None:
    with pytest.raises(ConfigError, match="tells the next token before it is guessed"):
        build(LANGUAGE)


def test_embeddings_begin_with_the_deviation_asked_for() -> None:
    spec = DataSpec("tokens", (7,), "binary", 2, vocabulary_size=5000)
    table = build(spec, embedding_std=0.1).embedding.weight  # type: ignore[union-attr]
    assert float(table[1:].detach().std()) == pytest.approx(0.1, rel=0.02)  # type: ignore[index]
    assert not table[0].any()  # type: ignore[index]


def test_the_dropout_of_embeddings_acts_while_training_only() -> None:
    spec = DataSpec("tokens", (7,), "binary", 2, vocabulary_size=50)
    model = build(spec, embedding_dropout=0.5)
    tokens = torch.randint(1, 50, (4, 7))
    assert torch.equal(model(tokens), model(tokens))
    model.train()
    assert not torch.equal(model(tokens), model(tokens))


def test_dropout_acts_while_training_only() -> None:
    model = build(dropout=0.5)
    inputs = torch.randn(4, 7, 5)
    assert torch.equal(model(inputs, LENGTHS), model(inputs, LENGTHS))
    model.train()
    assert not torch.equal(model(inputs, LENGTHS), model(inputs, LENGTHS))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            DataSpec("dense", (4,), "binary", 2),
            r"(?s)model=rnn.*4 features, 2 classes and no order among them.*model=mlp or model=linear",
        ),
        (DataSpec("tokens", (4,), "binary", 2), r"(?s)model=rnn.*must set vocabulary_size"),
    ],
)
def test_what_has_no_order_is_refused(spec: DataSpec, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(spec)
