"""Texts of the user's own: to tell apart by their labels, or to learn the language of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from dlrun.data.encoding import Encoder
from dlrun.data.spec import Source
from dlrun.data.texts import TextEncoder, TextFormat, Vocabulary, labelled_texts
from dlrun.fields import Count


def text(
    *,
    path: str,
    val: str | None,
    test: str | None,
    text: str,
    label: str,
    tokenizer: Literal["words", "characters", "subword"],
    lowercase: bool,
    max_vocabulary: Count,
    min_count: Count,
    max_length: Count,
    delimiter: str | None,
    encoding: str,
    on_bad_row: Literal["stop", "skip"],
) -> Source:
    """Texts with labels, (T,) tokens.

    path, val, test: files (CSV, TSV, JSON lines, Parquet); val and test instead of fractions. text, label: their columns.

    Raises DataError naming file, row and column.
    """
    form = TextFormat(text, label, delimiter, encoding, max_length, skip_bad_rows=on_bad_row == "skip")
    vocabulary = Vocabulary(tokenizer, lowercase, max_vocabulary, min_count)
    return labelled_texts(path, form, vocabulary, val=val, test=test)


def encoder(state: Mapping[str, Any]) -> Encoder:
    """The encoder that a checkpoint holds the state of."""
    return TextEncoder.restored(state)
