"""An identifier that is a feature because the user set its kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dlrun.data.tables.columns import nearly_distinct
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.set_aside import is_identifier
from dlrun.errors import Problem
from dlrun.lint.columns import FeatureColumn, columns_of, ignoring, shown
from dlrun.lint.rows import sample
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject, data_keys

_ROWS = 10_000
_WHOLE = 1e-6  # of a column's range: what scaling and unscaling a number costs


def _check(subject: Subject) -> Iterator[Problem]:
    encoder, kinds = subject.data.encoder, subject.value("dataset.columns")
    if not kinds or not isinstance(encoder, TableEncoder):
        return  # what no one has set is set aside when the table is read
    found = subject.once("identifiers", data_keys(subject), lambda: _identifiers(subject, encoder, kinds))
    if found:
        verb = "is" if len(found) == 1 else "are"
        what = f"{shown(found, found)} {verb} different in nearly every row, as identifiers are."
        yield Problem("dataset.columns", what, fix=ignoring(subject, found))


def _identifiers(subject: Subject, encoder: TableEncoder, kinds: Sequence[str]) -> list[FeatureColumn]:
    chosen = [column for column in columns_of(subject.data) if column.name in kinds]
    rows = sample(subject.data.train, _ROWS).inputs
    found = []
    for column in chosen:
        name = str(column.name)
        if column.kind == "category":
            words = encoder.words[name]
            each = max(1, sum(subject.data.sizes.values()) // max(1, len(words)))
            if nearly_distinct(dict.fromkeys(words, each)):
                found.append(column)
        elif column.kind == "number" and is_identifier(name, _raw(subject, rows[:, column.numbers[0]].numpy(), column)):
            found.append(column)
    return found


def _raw(subject: Subject, values: np.ndarray, column: FeatureColumn) -> np.ndarray:
    """Numbers of a column as the table has them, up to rounding, (N,)."""
    scaling, place = subject.spec.scaling, column.numbers[0]
    raw = values.astype(np.float64)
    if scaling is not None:
        raw = raw * scaling.std[place] + scaling.mean[place]
    near = np.abs(raw - np.round(raw)) <= _WHOLE * max(1.0, float(np.ptp(raw)))
    return np.where(near, np.round(raw), raw).astype(np.float32)


RULE = Rule(
    "identifier-feature",
    "A name or number of each row tells nothing about new rows, and lets a model learn the training rows by heart.",
    _check,
)
