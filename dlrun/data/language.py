"""A plain text as windows of tokens, each with the token that comes next at every place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data.encoding import Encoded, Encoder
from dlrun.data.files import locate
from dlrun.data.spec import Source
from dlrun.data.textfiles import read_text
from dlrun.data.texts import Vocabulary
from dlrun.data.tokenizing import Tokenizer, restored_tokenizer
from dlrun.errors import DataError


class LanguageEncoder(Encoder):
    """Reads the end of a new text, which a model is to go on with."""

    def __init__(self, tokenizer: Tokenizer, *, context: int, encoding: str) -> None:
        self.tokenizer = tokenizer
        self.context = context  # tokens that a model looks back on
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
        """The encoder that gave `state`."""
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
    """Windows of `context` tokens, one after another: (N, context) int64 inputs, and targets one token further on.

    The beginning of the text is trained on, the end is held out: first for validation, the last for the test.
    Raises DataError when a part is too short for one window.
    """
    whole = read_text(locate(path), encoding=encoding)
    count = len(whole)
    test_from = count if test else count - round(count * test_fraction)
    val_from = test_from if val else test_from - round(test_from * val_fraction)
    parts = {"train": whole[:val_from]}
    for name, file, part in (("val", val, whole[val_from:test_from]), ("test", test, whole[test_from:])):
        if file is not None:
            parts[name] = read_text(locate(file), encoding=encoding)
        elif part:
            parts[name] = part
    tokenizer = vocabulary.fit([parts["train"]])
    cut = {name: _windows(tokenizer.ids(part), context) for name, part in parts.items()}
    for name, part in parts.items():
        if not len(cut[name][0]):
            raise DataError(
                f"{path}: the {name} part has {len(part)} characters, which are too few for one window of {context} "
                "tokens and the next. Use a smaller dataset.context, or another dataset.val_fraction or "
                "dataset.test_fraction."
            )
    none = (None, None)
    return Source(
        "tokens",
        "language",
        *cut["train"],
        vocabulary_size=tokenizer.size,
        val_inputs=cut.get("val", none)[0],
        val_targets=cut.get("val", none)[1],
        test_inputs=cut.get("test", none)[0],
        test_targets=cut.get("test", none)[1],
        encoder=LanguageEncoder(tokenizer, context=context, encoding=encoding),
    )


def _windows(ids: Sequence[int], context: int) -> tuple[Tensor, Tensor]:
    """(L,) -> two of (N, context); what is left at the end and does not fill a window is left out."""
    count = max(0, (len(ids) - 1) // context)
    tokens = torch.tensor(ids[: count * context + 1])  # (L,) -> (N * context + 1,)
    return tokens[:-1].reshape(count, context), tokens[1:].reshape(count, context)
