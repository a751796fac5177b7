"""Labelled texts: read from files, and converted to ids with a vocabulary of the training rows."""

from __future__ import annotations

import dataclasses
import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data.files.bad_rows import BadRows
from dlrun.data.files.cache import Prepared, cached
from dlrun.data.files.paths import digest_of, locate, unchanged
from dlrun.data.files.records import open_records, read_records
from dlrun.data.files.status_line import counted, long_work
from dlrun.data.goals import goal_of_classes
from dlrun.data.originals import Original
from dlrun.data.source import Encoded, Encoder, Fitted, Originals, Rows, Source, fingerprint_of
from dlrun.data.texts.tokenizer import (
    PADDING,
    Tokenizer,
    TokenizerName,
    fit_tokenizer,
    library_version,
    restored_tokenizer,
    tokenized,
)
from dlrun.errors import DataError
from dlrun.wording import printable


@dataclass(frozen=True)
class TextFormat:
    """How files of texts are read."""

    text: str  # column of the texts
    label: str
    delimiter: str | None
    encoding: str
    max_length: int  # tokens of a text, the rest is cut off
    skip_bad_rows: bool


@dataclass(frozen=True)
class Vocabulary:
    """How a tokenizer is fitted."""

    tokenizer: TokenizerName
    lowercase: bool
    max_vocabulary: int
    min_count: int

    def fit(self, texts: Sequence[str]) -> Tokenizer:
        """Return the tokenizer fitted on these texts."""
        with long_work("Fitting the vocabulary", len(texts), unit="texts") as done:
            return fit_tokenizer(
                counted(texts, done),
                name=self.tokenizer,
                lowercase=self.lowercase,
                max_vocabulary=self.max_vocabulary,
                min_count=self.min_count,
            )

    def decisive(self) -> dict[str, Any]:
        """Return all that decides the tokenizer of given texts, as JSON values."""
        return {**dataclasses.asdict(self), "library": library_version(self.tokenizer)}


class TextEncoder(Encoder):
    """Reads new texts with the vocabulary of the training rows."""

    def __init__(self, tokenizer: Tokenizer, form: TextFormat) -> None:
        self.tokenizer = tokenizer
        self._form = form

    def state(self) -> dict[str, Any]:
        return {"kind": "classification", "tokenizer": self.tokenizer.state(), "format": dataclasses.asdict(self._form)}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> TextEncoder:
        """Return the encoder whose `state` this is."""
        return cls(restored_tokenizer(state["tokenizer"]), TextFormat(**state["format"]))

    def encode(self, path: Path) -> Encoded:
        inputs, lengths = self.padded(self.texts(path))
        return Encoded(inputs, lengths)

    def texts(self, path: Path) -> list[str]:
        """Return the texts of a file.

        Raises DataError naming the row of one that is empty.
        """
        form = self._form
        texts = []

        def refuse(text: str) -> None:  # every row has a prediction
            raise DataError(f"{path}: {text}")

        file = open_records(path, delimiter=form.delimiter, encoding=form.encoding)
        for record in read_records(file, [form.text], bad=refuse):
            if not record.cells[0].strip():
                refuse(f'{record.place}, column "{form.text}": the text is empty.')
            texts.append(record.cells[0])
        return texts

    def padded(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the ids of texts, padded to the longest, (N, T) int64, and the length of each, (N,)."""
        ids, lengths = _tokens(self.tokenizer, texts, self._form)
        return _padded(ids, lengths.long(), int(lengths.max())), lengths.long()


def labelled_texts(path: str, form: TextFormat, vocabulary: Vocabulary, *, val: str | None, test: str | None) -> Source:
    """Return texts and their classes; the vocabulary is fitted once the training rows are known.

    Raises DataError naming file, row and column.
    """
    files = {part: _located(name) for part, name in (("train", path), ("val", val), ("test", test)) if name}
    texts: dict[str, list[str]] = {}
    labels: dict[str, list[str]] = {}
    notices: tuple[str, ...] = ()
    whole = {}
    with unchanged(*files.values()):
        digests = {part: digest_of(file) for part, file in files.items()}
        for part, file in files.items():
            bad = BadRows(skip=form.skip_bad_rows, where=f"{file}: ")
            texts[part], labels[part] = _read(file, form, bad, known=set(labels.get("train", ())))
            notices += tuple(bad.notices())
            whole[part] = not bad.count
    names = sorted(set(labels["train"]), key=_natural)
    if len(names) < 2:
        raise DataError(
            f'{files["train"]}: column "{form.label}": every row has the label "{names[0]}"; expected two or more.'
        )
    targets = {part: torch.tensor([names.index(label) for label in found]) for part, found in labels.items()}

    def fit(splits: dict[str, Rows]) -> Fitted:
        """Fit the vocabulary on the training texts and tokenize all of them; the raw rows are indices of texts."""
        train_rows = splits["train"].in_memory()[:, 0]  # (N, 1) -> (N,)
        decisive = {
            **dataclasses.asdict(form),
            **vocabulary.decisive(),
            "rows": hashlib.sha256(train_rows.numpy().tobytes()).hexdigest(),
        }
        made = cached("text", digests, decisive, lambda: _prepared(texts, train_rows, form, vocabulary))
        tokenizer = restored_tokenizer(made.values["tokenizer"])
        longest = max(int(made.tensors[f"{part}_lengths"].max()) for part in texts)
        tokens = {}
        for part in texts:
            lengths = made.tensors[f"{part}_lengths"].long()
            tokens[part] = Rows(_padded(made.tensors[f"{part}_ids"], lengths, longest), targets[part], lengths)
        return Fitted(
            {
                split: tokens[split if split in tokens else "train"][rows.in_memory()[:, 0]]
                for split, rows in splits.items()
            },
            TextEncoder(tokenizer, dataclasses.replace(form, max_length=longest)),  # cuts new texts at the longest
            vocabulary_size=tokenizer.size,
            fingerprint=fingerprint_of(tokens),
        )

    indices = {part: Rows(torch.arange(len(found)).unsqueeze(1), found) for part, found in targets.items()}  # (N, 1)
    return Source(
        "tokens",
        goal_of_classes(len(names)),
        train=indices["train"],
        val=indices.get("val"),
        test=indices.get("test"),
        class_names=tuple(names),
        fit=fit,
        notices=notices,
        originals=_originals(texts, files, whole),
    )


def _located(name: str) -> Path:
    """Return the file of texts; raises DataError, for a folder with what to make of it."""
    if Path(name).expanduser().is_dir():
        shown = printable(name, limit=500)
        what = "write its texts into one CSV, with a column of texts (dataset.text) and one of labels (dataset.label)."
        raise DataError(f"{shown}: expected a file, got a folder; {what}")
    return locate(name)


def _originals(texts: Mapping[str, Sequence[str]], files: Mapping[str, Path], whole: Mapping[str, bool]) -> Originals:
    """The texts as they are in the files. whole: whether no row of a file was skipped, so that rows have a number."""

    def originals(part: str, rows: Rows, numbers: Sequence[int]) -> list[Original]:
        del rows
        name = printable(files[part].name)
        return [
            Original(f"row {number + 1} of {name}" if whole[part] else "", text=texts[part][number])
            for number in numbers
        ]

    return originals


def _prepared(
    texts: Mapping[str, Sequence[str]], train_rows: Tensor, form: TextFormat, vocabulary: Vocabulary
) -> Prepared:
    """The tokenizer of the training texts; ids of each file's texts, one text after the other, and their lengths."""
    tokenizer = vocabulary.fit([texts["train"][row] for row in train_rows.tolist()])
    tensors: dict[str, Tensor] = {}
    for part, found in texts.items():
        ids, lengths = _tokens(tokenizer, found, form)
        tensors |= {f"{part}_ids": ids, f"{part}_lengths": lengths}
    return Prepared(tensors, {"tokenizer": tokenizer.state()})


def _tokens(tokenizer: Tokenizer, texts: Sequence[str], form: TextFormat) -> tuple[Tensor, Tensor]:
    """Ids of texts, one after the other, (sum of T,) int32, and the length of each, (N,) int32."""
    ids, lengths = array("i"), array("i")
    with long_work("Tokenizing", len(texts), unit="texts") as done:
        for row in tokenized(tokenizer, texts, done):
            cut = row[: form.max_length]
            ids.extend(cut)
            lengths.append(len(cut))
    return torch.tensor(ids, dtype=torch.int32), torch.tensor(lengths, dtype=torch.int32)


def _padded(ids: Tensor, lengths: Tensor, longest: int) -> Tensor:
    """(sum of T,) -> (N, longest) int64."""
    inputs = torch.full((len(lengths), longest), PADDING)
    inputs[torch.arange(longest) < lengths.unsqueeze(1)] = ids.long()  # (N, longest), row by row
    return inputs


def _read(path: Path, form: TextFormat, bad: BadRows, *, known: set[str]) -> tuple[list[str], list[str]]:
    """Texts and labels. known: the only labels that are not bad; empty allows all."""
    texts, labels = [], []
    columns = [form.text, form.label]
    file = open_records(path, delimiter=form.delimiter, encoding=form.encoding)
    names = file.names if set(columns) <= set(file.names) else file.all_names()
    for key, name in (("text", form.text), ("label", form.label)):
        if name not in names:
            error = file.missing_column(name, names, f"for dataset.{key}")
            is_prose = path.suffix.lower() == ".txt" and len(names) == 1
            raise (
                DataError(f"{error} For a model that continues the text: dataset.task=language.") if is_prose else error
            )
    for record in read_records(file, columns, bad=bad.add):
        text, label = record.cells[0], record.cells[1].strip()
        if not text.strip():
            bad.add(f'{record.place}, column "{form.text}": the text is empty.')
        elif not label:
            bad.add(f'{record.place}, column "{form.label}": the label is empty.')
        elif known and label not in known:
            bad.add(f'{record.place}, column "{form.label}": no training row has the label "{label}".')
        else:
            texts.append(text)
            labels.append(label)
    if not texts:
        raise DataError(f"{path}: no usable row is left.")
    return texts, labels


def _natural(label: str) -> tuple[int, float, str]:
    """Sort key: numbers by value, then words by name."""
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
