"""Texts of which most are cut off."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from dlrun.data.files.paths import locate
from dlrun.data.files.records import open_records, read_records
from dlrun.data.texts.classification import TextEncoder
from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject, data_keys
from dlrun.wording import plural

_SHARE = 0.5  # of the texts that may be cut
_TEXTS = 500
_WHOLE = 0.9  # share of the texts that the cure leaves whole
_STEP = 16


def _check(subject: Subject) -> Iterator[Problem]:
    lengths, encoder = subject.data.train.lengths, subject.data.encoder
    if lengths is None or not isinstance(encoder, TextEncoder):
        return
    most = subject.value("dataset.max_length")
    full = int((lengths >= most).sum())
    if full <= _SHARE * len(lengths):
        return
    whole = subject.once("whole lengths", data_keys(subject), lambda: _whole_lengths(subject, encoder))
    if sum(length > most for length in whole) > _SHARE * len(whole):
        needed = -(-whole[min(len(whole) - 1, int(_WHOLE * len(whole)))] // _STEP) * _STEP
        what = (
            f"{full / len(lengths):.0%} of the training texts are as long as dataset.max_length={most} lets them be: "
            f"the rest of each is cut off. {_WHOLE:.0%} of them have up to {plural(needed, 'token')}."
        )
        yield Problem("dataset.max_length", what, fix=f"dataset.max_length={needed}")


def _whole_lengths(subject: Subject, encoder: TextEncoder) -> list[int]:
    """The tokens of each of the first texts, ascending; in memory they are cut off."""
    dataset = subject.config.tree["dataset"]
    file = open_records(locate(dataset["path"]), delimiter=dataset["delimiter"], encoding=dataset["encoding"])
    records = islice(read_records(file, [dataset["text"]], bad=_skip), _TEXTS)
    return sorted(len(encoder.tokenizer.ids(record.cells[0])) for record in records)


def _skip(reason: str) -> None:
    """A bad row: the dataset was read before, and has said what is to be said of it."""


RULE = Rule(
    "texts-cut-off",
    "What decides a text's class may be in the part that the model never sees.",
    _check,
)
