"""Texts as numbers and back: words, characters or subwords, over a vocabulary fitted on the training rows."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem

TokenizerName = Literal["words", "characters", "subword"]
PADDING, UNKNOWN = 0, 1
_SPECIAL = ("<padding>", "<unknown>")
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    r"\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese, which Japanese has too
)
_MARKS = r"\u0300-\u036f\u064b-\u065f\u0670\u0900-\u0963\u0966-\u096f\u0971-\u0dff"  # of letters, which \w has not
_WORDS = rf"[{_UNSPACED}]|(?:[^\W{_UNSPACED}]|[{_MARKS}])+|[^\w\s]"
_WORDS_AT_FIRST = r"\w+|[^\w\s]"  # of runs that do not name theirs
_CUT = re.compile(r"(?<=\S\n)(?=\S)")
_TEXTS_AT_ONCE = 1024
_SMALLEST_SUBWORDS = 300  # every byte is a token, and some must be left for merges


class Tokenizer(ABC):
    """Converts texts to ids and back; id 0 is padding, 1 a token that is not in the vocabulary."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many ids there are, with padding and unknown."""

    @abstractmethod
    def ids(self, text: str) -> list[int]:
        """Return the ids of a text's tokens, in order."""

    def ids_of(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, as `ids` does; many texts at once may be faster."""
        return [self.ids(text) for text in texts]

    @abstractmethod
    def text(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""

    @property
    def separator(self) -> str:
        """What joins the texts of tokens."""
        return ""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return plain JSON values, for `restored_tokenizer`."""


def tokenized(tokenizer: Tokenizer, texts: Sequence[str], done: Callable[[int], None]) -> Iterator[list[int]]:
    """Yield the ids of each text; `done` receives the number of texts that are finished."""
    for first in range(0, len(texts), _TEXTS_AT_ONCE):
        part = texts[first : first + _TEXTS_AT_ONCE]
        yield from tokenizer.ids_of(part)
        done(len(part))


def pieces_of(text: str, *, size: int = 1 << 16) -> list[str]:
    """Cut a long text where no token can cross, so that the tokens of the pieces are those of the whole.

    That is after a line's end with no other white space around it. size: characters of a piece at least.
    """
    pieces, first = [], 0
    while (found := _CUT.search(text, first + size)) is not None:
        pieces.append(text[first : found.start()])
        first = found.start()
    return [*pieces, text[first:]]


def _library() -> Any:
    return import_optional("tokenizers", extra="text", needed_by="dataset.tokenizer=subword")


def library_version(name: TokenizerName) -> str:
    """Return the version of the library that decides where a tokenizer splits a text."""
    return str(_library().__version__) if name == "subword" else unicodedata.unidata_version


def split_text(text: str, *, name: TokenizerName, lowercase: bool, pattern: str = _WORDS) -> list[str]:
    """Return the words and punctuation marks, or the characters, of a text.

    A character of a script without spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) is a word.
    pattern: a regular expression that finds the words.
    """
    text = text.lower() if lowercase else text
    return re.findall(pattern, text) if name == "words" else list(text)


class VocabularyTokenizer(Tokenizer):
    """Words or characters of a vocabulary."""

    def __init__(
        self, name: TokenizerName, vocabulary: Sequence[str], *, lowercase: bool, pattern: str = _WORDS
    ) -> None:
        self._name: TokenizerName = name
        self._pattern = pattern
        self._tokens = [*_SPECIAL, *vocabulary]
        self._lowercase = lowercase
        self._ids = {token: number for number, token in enumerate(self._tokens) if number > UNKNOWN}

    @property
    def size(self) -> int:
        return len(self._tokens)

    def ids(self, text: str) -> list[int]:
        tokens = split_text(text, name=self._name, lowercase=self._lowercase, pattern=self._pattern)
        return [self._ids.get(token, UNKNOWN) for token in tokens]

    def text(self, ids: Sequence[int]) -> str:
        return self.separator.join("\N{REPLACEMENT CHARACTER}" if i <= UNKNOWN else self._tokens[i] for i in ids)

    @property
    def separator(self) -> str:
        return " " if self._name == "words" else ""

    def state(self) -> dict[str, Any]:
        pattern = {"pattern": self._pattern} if self._name == "words" else {}
        return {
            "name": self._name,
            "vocabulary": self._tokens[len(_SPECIAL) :],
            "lowercase": self._lowercase,
            **pattern,
        }


class SubwordTokenizer(Tokenizer):
    """Byte-level byte pair encoding (Sennrich et al. 2016, Radford et al. 2019), by the library `tokenizers`."""

    def __init__(self, model: str, *, lowercase: bool) -> None:
        self._tokenizer = _library().Tokenizer.from_str(model)
        self._model = model
        self._lowercase = lowercase

    @property
    def size(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text.lower() if self._lowercase else text, add_special_tokens=False).ids)

    def ids_of(self, texts: Sequence[str]) -> list[list[int]]:
        lowered = [text.lower() for text in texts] if self._lowercase else list(texts)
        return [list(found.ids) for found in self._tokenizer.encode_batch(lowered, add_special_tokens=False)]

    def text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids)))

    def state(self) -> dict[str, Any]:
        return {"name": "subword", "model": self._model, "lowercase": self._lowercase}


def fit_tokenizer(
    texts: Iterable[str], *, name: TokenizerName, lowercase: bool, max_vocabulary: int, min_count: int
) -> Tokenizer:
    """Return the tokenizer whose vocabulary is the most frequent tokens of the texts, at most `max_vocabulary`.

    Tokens that occur fewer than `min_count` times are excluded. Equally frequent ones rank by first appearance.
    """
    if name == "subword":
        if lowercase:
            texts = (text.lower() for text in texts)
        return SubwordTokenizer(_train_subwords(texts, max_vocabulary, min_count), lowercase=lowercase)
    counts = Counter(token for text in texts for token in split_text(text, name=name, lowercase=lowercase))
    kept = [token for token, count in counts.most_common(max_vocabulary) if count >= min_count]
    return VocabularyTokenizer(name, kept, lowercase=lowercase)


def restored_tokenizer(state: Mapping[str, Any]) -> Tokenizer:
    """Return the tokenizer whose `state` this is."""
    if state["name"] == "subword":
        return SubwordTokenizer(state["model"], lowercase=state["lowercase"])
    pattern = _WORDS if state.get("pattern") == _WORDS else _WORDS_AT_FIRST  # never an expression of a file
    return VocabularyTokenizer(state["name"], state["vocabulary"], lowercase=state["lowercase"], pattern=pattern)


def _train_subwords(texts: Iterable[str], max_vocabulary: int, min_count: int) -> str:
    if max_vocabulary < _SMALLEST_SUBWORDS:
        raise ConfigError(
            Problem(
                f"dataset.max_vocabulary={max_vocabulary}",
                f"A vocabulary of subwords begins with the 256 bytes; expected {_SMALLEST_SUBWORDS} or more.",
                id="wrong-value",
                fix=f"dataset.max_vocabulary={_SMALLEST_SUBWORDS}",
            )
        )
    library = _library()
    tokenizer = library.Tokenizer(library.models.BPE(unk_token=_SPECIAL[UNKNOWN]))
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=max_vocabulary,
        min_frequency=min_count,
        special_tokens=list(_SPECIAL),
        initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str())
