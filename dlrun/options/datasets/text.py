"""Texts of your own: to classify by their labels, or to train a language model on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from dlrun.configuration.schema.fields import Count, DataPath, Fraction, TextLength, VocabularySize, Width
from dlrun.data.source import Encoder, Source
from dlrun.data.texts.classification import TextEncoder, TextFormat, Vocabulary, labelled_texts
from dlrun.data.texts.language import LanguageEncoder, language_source


def text(
    *,
    path: DataPath,
    task: Literal["classification", "language"],
    val: DataPath | None,
    test: DataPath | None,
    text: str,
    label: str,
    tokenizer: Literal["words", "characters", "subword"] | None,
    lowercase: bool | None,
    max_vocabulary: VocabularySize,
    min_count: Count,
    max_length: TextLength,
    context: Width,
    val_fraction: Fraction,
    test_fraction: Fraction,
    delimiter: str | None,
    encoding: str,
    on_bad_row: Literal["stop", "skip"],
) -> Source:
    """Texts with labels, (T,) tokens; or windows of a plain text, (context,) tokens, and the token after each.

    path, val, test: files (CSV, TSV, JSON lines, Parquet, or a plain text); val and test instead of fractions.
    text, label: their columns. max_length, context: in tokens, from 1.

    Raises DataError naming file, row and column.
    """
    is_language = task == "language"
    vocabulary = Vocabulary(
        tokenizer or ("characters" if is_language else "words"),
        not is_language if lowercase is None else lowercase,
        max_vocabulary,
        min_count,
    )
    if is_language:
        return language_source(
            path,
            vocabulary,
            val=val,
            test=test,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            context=context,
            encoding=encoding,
        )
    form = TextFormat(text, label, delimiter, encoding, max_length, skip_bad_rows=on_bad_row == "skip")
    return labelled_texts(path, form, vocabulary, val=val, test=test)


def encoder(state: Mapping[str, Any]) -> Encoder:
    """Return the encoder of a checkpoint's state, which reads new texts."""
    return LanguageEncoder.restored(state) if state["kind"] == "language" else TextEncoder.restored(state)
