"""dlrun.runs.generate: tokens computed by hand, and equal text for equal seeds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dlrun.data.spec import DataSpec
from dlrun.data.texts.language import LanguageEncoder
from dlrun.data.texts.tokenizer import VocabularyTokenizer
from dlrun.errors import ConfigError
from dlrun.options.losses.auto import auto
from dlrun.runs.generate import generate_text
from dlrun.tasks.task import SupervisedTask


class NextLetter(nn.Module):
    """After each letter the next one is the likeliest."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(6))
        self.longest = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.longest = max(self.longest, inputs.shape[1])
        after = torch.where(inputs == 5, 2, inputs + 1)
        return torch.log(0.1 + 0.9 * torch.nn.functional.one_hot(after, 6)) + self.bias


def build() -> tuple[SupervisedTask, LanguageEncoder]:
    spec = DataSpec("tokens", (4,), "language", 6, vocabulary_size=6)
    tokenizer = VocabularyTokenizer("characters", "abcd", lowercase=False)
    return SupervisedTask(NextLetter(), auto(spec), spec), LanguageEncoder(tokenizer, context=4, encoding="utf-8")


def test_temperature_zero_takes_the_likeliest_and_the_model_sees_its_context() -> None:
    task, encoder = build()
    assert generate_text(task, encoder, "ab", length=7, temperature=0.0) == "abcdabcda"
    assert task.model.longest == 4
    assert task.training, "the mode of the task does not change"


def test_top_k_samples_from_the_likeliest() -> None:
    task, encoder = build()
    assert generate_text(task, encoder, "ab", length=7, top_k=1, seed=3) == "abcdabcda"
    assert len(generate_text(task, encoder, "ab", length=7, top_k=99)) == 9


def test_equal_seeds_give_equal_text_without_special_tokens() -> None:
    task, encoder = build()
    first = generate_text(task, encoder, "ab", length=200, temperature=2.0, seed=1)
    assert first == generate_text(task, encoder, "ab", length=200, temperature=2.0, seed=1)
    assert first != generate_text(task, encoder, "ab", length=200, temperature=2.0, seed=2)
    assert set(first) == set("abcd")


def test_words_are_joined_by_spaces() -> None:
    task, _ = build()
    tokenizer = VocabularyTokenizer("words", ["one", "two", "three", "four"], lowercase=True)
    encoder = LanguageEncoder(tokenizer, context=4, encoding="utf-8")
    assert generate_text(task, encoder, "One two", length=2, temperature=0.0) == "One two three four"
    assert generate_text(task, encoder, "One", length=0) == "One"


def test_an_empty_prompt_is_an_error() -> None:
    with pytest.raises(ConfigError, match="got one without any token"):
        generate_text(*build(), "", length=1)
