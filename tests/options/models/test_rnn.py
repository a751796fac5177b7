"""Recurrent networks against torch's packed sequences; padding has no effect."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.models.rnn import rnn
from dlrun.tasks.task import count_parameters

FIELDS: dict[str, Any] = {
    "cell": "lstm", "hidden": 8, "layers": 2, "bidirectional": True, "pool": "last", "dropout": 0.0,
    "embedding_dropout": 0.0, "embedding_std": 1.0,
    "embedding": 6, "forget_bias": 0.0, "init": "default",
}  # fmt: skip
SEQUENCES = DataSpec("sequence", (7, 5), "multiclass", 3, has_lengths=True)
LENGTHS = torch.tensor([3, 7, 1, 5])


def build(spec: DataSpec = SEQUENCES, **fields: Any) -> nn.Module:
    torch.manual_seed(0)
    return rnn(spec, **{**FIELDS, **fields}).eval()


TOKENS = DataSpec("tokens", (7,), "multiclass", 3, vocabulary_size=11, has_lengths=True)


class Packed(nn.Module):
    """The same network and weights as one torch module over a packed sequence."""

    def __init__(self, model: nn.Module, **fields: Any) -> None:
        super().__init__()
        settings = {**FIELDS, **fields}
        self.cell, self.pool, self.both = settings["cell"], settings["pool"], settings["bidirectional"]
        self.embedding = copy.deepcopy(model.embedding)
        self.output, self.attention = copy.deepcopy(model.output), copy.deepcopy(model.attention)
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[self.cell]
        width = 5 if self.embedding is None else 6
        self.whole = kind(width, 8, settings["layers"], batch_first=True, bidirectional=self.both)
        for ours, theirs in self.pairs(model):
            theirs.data.copy_(ours)

    def pairs(self, model: nn.Module) -> list[tuple[nn.Parameter, nn.Parameter]]:
        """Return every parameter of the model with its counterpart here."""
        found = []
        for layer, directions in enumerate(model.layers):  # type: ignore[arg-type]
            for direction, part in enumerate(directions):
                for name, parameter in part.named_parameters():
                    theirs = name.replace("_l0", f"_l{layer}") + ("_reverse" if direction else "")
                    found.append((parameter, getattr(self.whole, theirs)))
        for name in ("embedding", "output", "attention"):
            ours, theirs = getattr(model, name), getattr(self, name)
            found += [] if ours is None else zip(ours.parameters(), theirs.parameters(), strict=True)
        return found

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, F) or (B, T) -> (B, K)."""
        steps = inputs if self.embedding is None else self.embedding(inputs)
        out, state = self.whole(pack_padded_sequence(steps, lengths, batch_first=True, enforce_sorted=False))
        if self.pool == "last":
            last = state[0] if self.cell == "lstm" else state
            result: Tensor = self.output(torch.cat([last[-2], last[-1]], dim=1) if self.both else last[-1])
            return result
        steps, _ = pad_packed_sequence(out, batch_first=True)  # -> (B, T, D * H)
        rows = [row[:length] for row, length in zip(steps, lengths.tolist(), strict=True)]
        if self.pool == "mean":
            return torch.stack([self.output(row.mean(dim=0)) for row in rows])
        if self.pool == "max":
            return torch.stack([self.output(row.amax(dim=0)) for row in rows])
        assert self.attention is not None
        shares = [self.attention(row.tanh()).softmax(dim=0) for row in rows]  # (T, D * H) -> (T, 1)
        return torch.stack([self.output((s * row).sum(dim=0)) for s, row in zip(shares, rows, strict=True)])


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("spec", [SEQUENCES, TOKENS], ids=["numbers", "tokens"])
def test_outputs_and_gradients_are_those_of_packed_sequences(
    cell: str, pool: str, bidirectional: bool, spec: DataSpec
) -> None:
    fields = {"cell": cell, "pool": pool, "bidirectional": bidirectional}
    model = build(spec, **fields).train()
    reference = Packed(model, **fields)
    inputs = torch.randn(4, 7, 5) if spec is SEQUENCES else torch.randint(1, 11, (4, 7))
    ours, theirs = model(inputs, LENGTHS), reference(inputs, LENGTHS)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    targets = torch.tensor([0, 2, 1, 0])
    nn.functional.cross_entropy(ours, targets).backward()
    nn.functional.cross_entropy(theirs, targets).backward()
    pairs = reference.pairs(model)
    assert len(pairs) == len(list(model.parameters())) == len(list(reference.parameters()))
    for mine, other in pairs:
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_has_no_effect(pool: str, bidirectional: bool) -> None:
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


def test_an_empty_row_gives_finite_outputs() -> None:
    for pool in ("last", "mean", "max", "attention"):
        assert build(pool=pool)(torch.randn(2, 7, 5), torch.tensor([0, 0])).isfinite().all()


def test_an_image_is_read_row_by_row() -> None:
    model = build(DataSpec("image", (3, 4, 5), "multiclass", 10), cell="rnn", layers=1, bidirectional=False)
    images = torch.randn(2, 3, 4, 5)
    rows = torch.stack([torch.cat([images[:, c, y] for c in range(3)], dim=1) for y in range(4)], dim=1)
    steps, _ = model.layers[0][0](rows)  # type: ignore[index, operator]
    assert rows.shape == (2, 4, 15)
    torch.testing.assert_close(model(images), model.output(steps[:, -1]))  # type: ignore[operator]


def test_parameters_of_two_bidirectional_layers() -> None:
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


def test_a_language_model_predicts_every_step_from_the_previous_ones() -> None:
    model = build(LANGUAGE, bidirectional=False)
    tokens = torch.randint(2, 11, (4, 7))
    logits = model(tokens)
    assert logits.shape == (4, 7, 11)
    tokens[:, 4:] = 2
    assert torch.equal(model(tokens)[:, :4], logits[:, :4])


def test_a_language_model_cannot_be_bidirectional() -> None:
    with pytest.raises(ConfigError, match=r"must not see the token that it predicts.*Use model.bidirectional=false"):
        build(LANGUAGE)


def test_embeddings_have_the_configured_standard_deviation() -> None:
    spec = DataSpec("tokens", (7,), "binary", 2, vocabulary_size=5000)
    table = build(spec, embedding_std=0.1).embedding.weight  # type: ignore[union-attr]
    assert float(table[1:].detach().std()) == pytest.approx(0.1, rel=0.02)  # type: ignore[index]
    assert not table[0].any()  # type: ignore[index]


def test_embedding_dropout_is_active_in_training_only() -> None:
    spec = DataSpec("tokens", (7,), "binary", 2, vocabulary_size=50)
    model = build(spec, embedding_dropout=0.5)
    tokens = torch.randint(1, 50, (4, 7))
    assert torch.equal(model(tokens), model(tokens))
    model.train()
    assert not torch.equal(model(tokens), model(tokens))


def test_dropout_is_active_in_training_only() -> None:
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
            r"(?s)model=rnn.*4 features, 2 classes, and its features have no order.*model=mlp or model=linear",
        ),
        (DataSpec("tokens", (4,), "binary", 2), r"(?s)model=rnn.*does not set vocabulary_size"),
    ],
)
def test_rows_without_order_are_refused(spec: DataSpec, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(spec)


@pytest.mark.parametrize("init", ["default", "zeros"])
def test_forget_gates_of_an_lstm_start_higher_and_nothing_else_does(init: str) -> None:
    usual, raised = (dict(build(forget_bias=bias, init=init).named_parameters()) for bias in (0.0, 1.5))
    for name, before in usual.items():
        apart = torch.zeros_like(before)
        if "bias_ih" in name:
            apart[8:16] = 1.5  # of 4 x 8: input, forget, cell, output
        torch.testing.assert_close(raised[name] - before, apart)
    without = (dict(build(cell="gru", forget_bias=bias).named_parameters()) for bias in (0.0, 1.5))
    assert all(torch.equal(*pair) for pair in zip(*(each.values() for each in without), strict=True))
