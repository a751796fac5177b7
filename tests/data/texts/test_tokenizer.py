"""Texts to ids and back."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.data.texts.tokenizer import Tokenizer, TokenizerName, fit_tokenizer, pieces_of, restored_tokenizer
from dlrun.errors import ConfigError

TEXTS = ["The cat sat.", "The cat, the DOG"]


def fit(name: TokenizerName = "words", **fields: Any) -> Tokenizer:
    settings: dict[str, Any] = {"lowercase": True, "max_vocabulary": 1000, "min_count": 1, **fields}
    return fit_tokenizer(settings.pop("texts", TEXTS), name=name, **settings)


def test_words_rank_by_frequency_then_by_first_appearance() -> None:
    tokenizer = fit()
    assert tokenizer.state()["vocabulary"] == ["the", "cat", "sat", ".", ",", "dog"]
    assert tokenizer.size == 8  # with padding and unknown
    assert tokenizer.ids("The dog bit the cat!") == [2, 7, 1, 2, 3, 1]
    assert tokenizer.text([2, 7, 1]) == "the dog \N{REPLACEMENT CHARACTER}"


def test_the_vocabulary_is_limited_by_size_and_count() -> None:
    assert fit(max_vocabulary=1).state()["vocabulary"] == ["the"]
    assert fit(min_count=2).state()["vocabulary"] == ["the", "cat"]
    assert fit(lowercase=False, min_count=2).state()["vocabulary"] == ["The", "cat"]


def test_characters() -> None:
    tokenizer = fit("characters", texts=["aab", "ac"], lowercase=False)
    assert tokenizer.ids("abcA") == [2, 3, 4, 1]
    assert tokenizer.text([2, 3, 4]) == "abc"
    assert tokenizer.separator == ""


def test_the_names_of_padding_and_unknown_are_no_tokens() -> None:
    assert fit("words", texts=["< padding >"]).ids("<padding>") == [2, 3, 4]
    assert fit("characters", texts=["x"]).ids("") == []


def test_subwords_restore_every_text() -> None:
    pytest.importorskip("tokenizers")
    tokenizer = fit("subword", texts=["low lower lowest newer wider " * 20], max_vocabulary=320, lowercase=False)
    ids = tokenizer.ids("lower  Ünïcode\n😀")
    assert min(ids) > 1, "padding and unknown are never needed"
    assert tokenizer.text(ids) == "lower  Ünïcode\n😀"
    assert len(tokenizer.ids(" lower")) == 1
    assert tokenizer.size <= 320


@pytest.mark.parametrize("name", ["words", "characters", "subword"])
def test_a_tokenizer_is_restored_from_plain_values(name: TokenizerName) -> None:
    if name == "subword":
        pytest.importorskip("tokenizers")
    tokenizer = fit(name)
    again = restored_tokenizer(json.loads(json.dumps(tokenizer.state())))
    assert again.ids("the cat on the dog") == tokenizer.ids("the cat on the dog")
    assert (again.size, again.state()) == (tokenizer.size, tokenizer.state())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("这本书iPad很好!", ["这", "本", "书", "ipad", "很", "好", "!"]),
        ("日本語のテスト 2026年", ["日", "本", "語", "の", "テ", "ス", "ト", "2026", "年"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा", "।"]),
        ("cafe\u0301 한국어 слово", ["cafe\u0301", "한국어", "слово"]),
    ],
)
def test_scripts_without_spaces_have_a_word_for_each_character(text: str, words: list[str]) -> None:
    tokenizer = fit(texts=[text])
    assert [tokenizer.text([number]) for number in tokenizer.ids(text)] == words


def test_the_tokenizer_of_an_older_run_splits_as_it_did() -> None:
    state = {"name": "words", "vocabulary": ["这本书", "很"], "lowercase": True}
    assert restored_tokenizer(state).ids("这本书 很") == [2, 3]
    assert restored_tokenizer({**state, "pattern": "(a+)+$"}).ids("这本书 很") == [2, 3], "a file has no expression"


def test_subwords_begin_with_the_bytes() -> None:
    with pytest.raises(ConfigError, match=r"dataset.max_vocabulary=299\n.*256 bytes; expected 300 or more"):
        fit("subword", max_vocabulary=299)


def test_subwords_without_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ConfigError, match=r'needs tokenizers, which is not installed: pip install "dlrun\[text\]"'):
        fit("subword")


@given(text=st.text(st.sampled_from("ab1'sß \n\t\r.Σ"), max_size=60), size=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_pieces_of_a_text_have_the_tokens_of_the_whole(text: str, size: int) -> None:
    pieces = pieces_of(text, size=size)
    assert "".join(pieces) == text
    for tokenizer in TOKENIZERS:
        whole = tokenizer.ids(text)
        assert [number for found in tokenizer.ids_of(pieces) for number in found] == whole
    lowered = fit_tokenizer([text], name="subword", lowercase=True, max_vocabulary=300, min_count=1)
    assert fit_tokenizer(pieces, name="subword", lowercase=True, max_vocabulary=300, min_count=1).state() == (
        lowered.state()
    )


TOKENIZERS: list[Tokenizer] = [
    fit_tokenizer(["ab a.\nbb 1's ß\n\nΣ"] * 3, name=name, lowercase=lowercase, max_vocabulary=300, min_count=1)
    for name in ("words", "characters", "subword")
    for lowercase in (True, False)
]
