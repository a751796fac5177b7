"""Shapley values of words, on models whose answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.spec import DataSpec
from dlrun.data.texts.classification import TextEncoder, TextFormat
from dlrun.data.texts.tokenizer import fit_tokenizer
from dlrun.runs.explain.attribution import Attribution
from dlrun.runs.explain.outputs import Question, answer_of
from dlrun.runs.explain.words import explain_words
from tests.harness import configure
from tests.runs.explain.known import loaded, model_of, needs_captum, row

WEIGHTS = {"good": 2.0, "bad": -3.0, "film": 0.0}


class Bag(nn.Module):
    """The sum of the weights of a text's tokens, plus one for each token: (B, T), (B,) -> (B, 1)."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.table = nn.Embedding(len(weights), 1)
        self.table.weight.data = weights.unsqueeze(1)

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        sums = self.table(inputs)[..., 0]  # (B, T)
        if lengths is None:
            return sums.sum(dim=1, keepdim=True)
        mask = torch.arange(inputs.shape[1]) < lengths.unsqueeze(1)
        return ((sums + 1) * mask).sum(dim=1, keepdim=True)


def explained(text: str, *, name: str = "words") -> Attribution:
    """Explain a text by a model that adds weights of words, or 1 for each character "o"."""
    tokenizer = fit_tokenizer(
        ["good bad film"], name=name, lowercase=True, max_vocabulary=99, min_count=1,  # type: ignore[arg-type]
    )  # fmt: skip
    vocabulary = tokenizer.state()["vocabulary"]
    weights = [WEIGHTS[word] if name == "words" else float(word == "o") for word in vocabulary]
    encoder = TextEncoder(tokenizer, TextFormat("text", "label", None, "utf-8", 9999, False))
    spec = DataSpec("tokens", (9999,), "binary", 2, class_names=("no", "yes"), vocabulary_size=99, has_lengths=True)
    run = loaded(spec, Bag(torch.tensor([0.0, 0.0, *weights])), encoder=encoder)
    inputs, lengths = encoder.padded([text])
    answer = answer_of(run, Question(class_name="yes"), torch.zeros(1, 1))
    return explain_words(run, model_of(run), row(inputs[0], length=int(lengths), text=text), answer)


@needs_captum
def test_each_word_adds_what_the_text_has_less_without_it() -> None:
    found = explained("Good film, bad!")
    shares = [(share.name, pytest.approx(share.amount)) for share in found.parts["word"]]
    assert shares == [("Good", 3.0), ("film", 1.0), (",", 1.0), ("bad", -2.0), ("!", 1.0)]
    assert (found.value, found.base) == pytest.approx((4.0, 0.0))
    assert (found.baseline, found.method) == ("an empty text", "Shapley values, 120 orders")
    assert found.missing == pytest.approx(0, abs=1e-5)


@needs_captum
def test_a_text_of_one_word_has_one_order() -> None:
    found = explained("Good")
    assert [(share.name, pytest.approx(share.amount)) for share in found.parts["word"]] == [("Good", 3.0)]
    assert found.method == "Shapley values, 1 order"


@needs_captum
def test_characters_are_joined_to_words() -> None:
    shares = explained("Good film bad", name="characters").parts["word"]
    # a letter and a space count 1, an "o" 1 more
    assert [(share.name, pytest.approx(share.amount, abs=1e-4)) for share in shares] == [
        ("Good", 7.0), ("film", 5.0), ("bad", 3.0),
    ]  # fmt: skip


@needs_captum
def test_neighbours_in_long_texts_are_joined() -> None:
    # 520 tokens: 2^19 / 520 rows are 1,024 at least, 32 orders of 32 parts
    found = explained(" ".join(["good"] * 520))
    shares = found.parts["word"]
    assert (len(shares), shares[0].name) == (31, " ".join(["good"] * 17))
    assert [share.amount for share in shares] == pytest.approx([51.0] * 30 + [30.0], abs=1e-2)


@needs_captum
def test_rows_of_one_length_have_padding_in_place_of_a_token() -> None:
    spec = DataSpec("tokens", (3,), "binary", 2, class_names=("no", "yes"), vocabulary_size=4)
    run = loaded(spec, Bag(torch.tensor([0.5, 0.0, 2.0, -3.0])))
    answer = answer_of(run, Question(class_name="yes"), torch.zeros(1, 1))
    found = explain_words(run, model_of(run), row(torch.tensor([2, 3, 2])), answer)
    shares = [(share.name, pytest.approx(share.amount)) for share in found.parts["word"]]
    assert shares == [("token 2", 1.5), ("token 3", -3.5), ("token 2", 1.5)]
    assert (found.base, found.baseline) == (pytest.approx(1.5), "padding alone")


@needs_captum
@pytest.mark.parametrize("name", ["rnn", "transformer", "text"])
def test_models_of_texts_add_up_from_the_empty_text(name: str) -> None:
    torch.manual_seed(0)
    spec = DataSpec(
        "tokens", (9,), "multiclass", 3, class_names=("a", "b", "c"), vocabulary_size=20, has_lengths=True
    )  # fmt: skip
    words = ("dataset=text", "dataset.path=x.csv", f"model={name}")
    model = Catalog().load("model", name)(spec, **configure(*words).model.arguments)
    run = loaded(spec, model, *words)
    given = row(torch.tensor([5, 7, 7, 2, 9, 11, 3]), length=7)
    outputs = model_of(run).answer(given)
    answer = answer_of(run, Question(class_name="b"), outputs)
    found = explain_words(run, model_of(run), given, answer)
    assert found.value == pytest.approx(float(answer.pick(outputs)), abs=1e-5)
    empty = model_of(run).outputs(torch.zeros(1, 1, dtype=torch.int64), torch.tensor([0])).detach()
    assert found.base == pytest.approx(float(answer.pick(empty)), abs=1e-5)
    assert found.missing == pytest.approx(0, abs=1e-5)
    assert any(abs(share.amount) > 1e-4 for share in found.parts["word"])
