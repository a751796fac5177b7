"""A plain text as windows of tokens, each with the next token at every position."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data.files.cache import Prepared, cached
from dlrun.data.files.paths import digest_of, locate, unchanged
from dlrun.data.files.status_line import long_work
from dlrun.data.files.text import read_text
from dlrun.data.source import Encoded, Encoder, Rows, Source
from dlrun.data.texts.classification import Vocabulary
from dlrun.data.texts.tokenizer import Tokenizer, pieces_of, restored_tokenizer, tokenized
from dlrun.errors import DataError
from dlrun.wording import plural


class LanguageEncoder(Encoder):
    """Reads the end of a new text, which a model continues."""

    def __init__(self, tokenizer: Tokenizer, *, context: int, encoding: str) -> None:
        self.tokenizer = tokenizer
        self.context = context  # tokens of a window
        self._encoding = encoding

    def state(self) -> dict[str, Any]:
        return {
            "kind": "language",
            "tokenizer": self.tokenizer.state(),
            "context": self.context,
            "encoding": self._encoding,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> LanguageEncoder:
        """Return the encoder whose `state` this is."""
        tokenizer = restored_tokenizer(state["tokenizer"])
        return cls(tokenizer, context=state["context"], encoding=state["encoding"])

    def encode(self, path: Path) -> Encoded:
        ids = self.tokenizer.ids(read_text(path, encoding=self._encoding))[-self.context :]
        return Encoded(torch.tensor([ids]))  # (1, T)


def language_source(
    path: str,
    vocabulary: Vocabulary,
    *,
    val: str | None,
    test: str | None,
    val_fraction: float,
    test_fraction: float,
    context: int,
    encoding: str,
) -> Source:
    """Return windows of `context` tokens, one after another: (N, context) int64 inputs, and targets one token later.

    The beginning of the text is for training, the end is held out: first for validation, then for the test.
    Raises DataError for a split that is too short for one window.
    """
    files = {part: locate(name) for part, name in (("train", path), ("val", val), ("test", test)) if name}
    with unchanged(*files.values()):
        digests = {part: digest_of(file) for part, file in files.items()}
        read = {part: read_text(file, encoding=encoding) for part, file in files.items()}
    parts = _parts(read, val_fraction=val_fraction, test_fraction=test_fraction)
    decisive = {
        **vocabulary.decisive(),
        "encoding": encoding,
        "characters": {part: len(text) for part, text in parts.items()},
    }
    made = cached("language", digests, decisive, lambda: _prepared(parts, vocabulary))
    tokenizer = restored_tokenizer(made.values["tokenizer"])
    cut = {name: _windows(made.tensors[name], context) for name in parts}
    for name, text in parts.items():
        if not len(cut[name]):
            raise DataError(
                f"{path}: the {name} split has {plural(len(text), 'character')}, too few for a window of "
                f"{plural(context, 'token')} and the next. Use a smaller dataset.context, or another "
                "dataset.val_fraction or dataset.test_fraction."
            )
    return Source(
        "tokens",
        "language",
        train=cut["train"],
        val=cut.get("val"),
        test=cut.get("test"),
        vocabulary_size=tokenizer.size,
        in_order=True,
        encoder=LanguageEncoder(tokenizer, context=context, encoding=encoding),
    )


def _parts(read: Mapping[str, str], *, val_fraction: float, test_fraction: float) -> dict[str, str]:
    """The text of each split: a file of its own, or a part of the training file."""
    whole = read["train"]
    test_from = len(whole) if "test" in read else len(whole) - round(len(whole) * test_fraction)
    val_from = test_from if "val" in read else test_from - round(test_from * val_fraction)
    parts = {"train": whole[:val_from], "val": whole[val_from:test_from], "test": whole[test_from:]}
    parts.update({part: text for part, text in read.items() if part != "train"})
    return {part: text for part, text in parts.items() if text or part == "train"}


def _prepared(parts: Mapping[str, str], vocabulary: Vocabulary) -> Prepared:
    """The tokenizer of the training text, and the ids of each split, (L,) int32."""
    tokenizer = vocabulary.fit(pieces_of(parts["train"]))
    tensors = {}
    for part, text in parts.items():
        pieces, ids = pieces_of(text), array("i")
        with long_work("Tokenizing", len(pieces), unit="pieces") as done:
            for found in tokenized(tokenizer, pieces, done):
                ids.extend(found)
        tensors[part] = torch.tensor(ids, dtype=torch.int32)
    return Prepared(tensors, {"tokenizer": tokenizer.state()})


def _windows(ids: Tensor, context: int) -> Rows:
    """(L,) -> inputs and targets, (N, context); the rest at the end, shorter than a window, is excluded."""
    count = max(0, (len(ids) - 1) // context)
    tokens = ids[: count * context + 1].long()  # (L,) -> (N * context + 1,)
    return Rows(tokens[:-1].reshape(count, context), tokens[1:].reshape(count, context))
