"""Columns that a model cannot learn from: constants, identifiers, names and row counters (docs/decisions/027)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import Column, nearly_distinct, setting, starts_of
from dlrun.data.tables.image_files import SUFFIXES
from dlrun.data.tables.judging import NO_FEATURE, counts_of
from dlrun.data.tables.rows import TableRows
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.written import DATES, NUMBERS, written_otherwise
from dlrun.errors import DataError
from dlrun.wording import printable

BY_USER = "dataset.columns"
GROUP, WEIGHT = "dataset.group", "dataset.weight"
_COUNTER = "a count of the rows"
EMPTY = "no value in any row"
_CONSTANT = "the same value in every row"
_NEARLY_CONSTANT = "the same number in every row, to seven digits"
_DISTINCT = "a different text in every row"
_NEARLY_DISTINCT = "fewer than two rows for each text"
_FREE_TEXT, _IMAGES = "free text, ", "paths of images, "
_WORDS = 3  # on average, from which texts are more than names
_ID = "row names or identifiers, another whole number in every row"
_ID_AT_FIRST = "row names or identifiers, another whole number in each of the first rows"
_LEAST_ROWS = 5  # with fewer, all values may be distinct by chance
_MOST_DISTINCT = 0.95
_FIRST_ROWS = 1000  # that tell most columns from counters
_EXACT = 2**24  # whole numbers below are exact in float32
_ID_NAME = re.compile(
    r"|index|idx|key|code|record|serial|seqno|obs|observation|unnamed: ?\d+|row[ _.]?(names?|ids?|numbers?|no|nr|num)?"
    r"|(.*[ _.-])?ids?|ids?[ _.-].*",
    re.IGNORECASE,
)
_ID_IN_CAMEL_CASE = re.compile(r".*[a-z]I[dD]")
_TIMES = {"time", "t", "date", "year", "yr", "quarter", "month", "week", "day", "hour", "minute", "second"}
_TIMES |= {"period", "trend", "age", "wave", "round", "season"}


def describe_texts(counts: Mapping[str, int], *, num_rows: int, max_categories: int) -> str:
    """Return why a column of texts is no category. counts: how often each is there in `num_rows` rows."""
    otherwise = written_otherwise(counts)
    if otherwise:
        return otherwise
    what = ""
    if all(text.lower().endswith(SUFFIXES) for text in counts):
        what = _IMAGES
    elif sum(len(text.split()) for text in counts) >= _WORDS * len(counts):
        what = _FREE_TEXT
    if len(counts) == num_rows:
        return what + _DISTINCT
    if nearly_distinct(counts):
        return what + _NEARLY_DISTINCT
    return f"{what}more than {max_categories:,} different texts"


def kind_to_use(why: str) -> str | None:
    """Return the kind that makes a feature of a column that is set aside; None if it would tell a model little."""
    if why in (BY_USER, WEIGHT, EMPTY, _CONSTANT, _NEARLY_CONSTANT) or why.startswith((NUMBERS, DATES)):
        return None
    if why.startswith((_FREE_TEXT, _IMAGES)):
        return "text" if why.startswith(_FREE_TEXT) else "image"
    return "number" if why in (_COUNTER, _ID, _ID_AT_FIRST) else "category"


def set_aside(file: ArrowTable, columns: Sequence[Column], rows: TableRows, settings: TableSettings) -> dict[str, str]:
    """Return the columns that become no features, and why; the last column, the target, is none of them.

    Those in `dataset.columns` are not judged. A column that counts the rows stays if there is no other.
    Raises DataError for a column in `dataset.columns` without a value, and if no column is left.
    """
    if settings.only is not None:
        return {}
    found, starts = {}, starts_of(columns)
    for column in columns[:-1]:
        if column.name in settings.columns:
            if np.isnan(rows.column(starts, column.name)).all():
                hint = f"Ignore it: {setting(column.name, 'ignore')}."
                raise DataError(f'{file.shown}: the column "{printable(column.name)}" has {EMPTY}. {hint}')
            continue
        why = _why(file, column, starts, rows, settings)
        if why is not None:
            found[column.name] = why
    counters = [name for name, why in found.items() if why == _COUNTER]
    if len(found) == len(columns) - 1:
        found = {name: why for name, why in found.items() if name not in counters}
    return found


def is_identifier(name: str, values: NDArray[np.float32]) -> bool:
    """Return whether whole numbers, (N,), of training rows in their order are likely identifiers or a count of rows.

    Nearly all are distinct, and the name says so or each is larger than the one before.
    """
    if len(values) < _LEAST_ROWS or (values != np.round(values)).any():
        return False
    if len(np.unique(values)) < _MOST_DISTINCT * len(values):  # large ones are not exact
        return False
    return _is_named_as_identifier(name) or (_rises(values) and not _is_named_as_time(name))


def _why(
    file: ArrowTable, column: Column, starts: Mapping[str, int], rows: TableRows, settings: TableSettings
) -> str | None:
    start = starts[column.name]
    raw = rows.raw[:, start : start + column.width]
    if column.kind not in NO_FEATURE and not _is_open(column, raw[:_FIRST_ROWS]):
        return None
    values = raw[:, 0]
    is_missing = np.isnan(values)
    if is_missing.all():
        return EMPTY
    if column.kind in NO_FEATURE:
        counts = counts_of(starts, rows, column.name)
        return describe_texts(counts, num_rows=len(values), max_categories=settings.max_categories)
    if is_missing.any():
        return None
    if (raw == raw[0]).all():
        is_exact = column.kind != "number" or len(set(file.sample()[column.name])) == 1
        return (_CONSTANT if is_exact else _NEARLY_CONSTANT) if len(values) > 1 else None
    if len(values) < _LEAST_ROWS:
        return None
    if column.kind == "category":
        if len(np.unique(values)) < len(values):
            return None
        return written_otherwise(counts_of(starts, rows, column.name)) or _DISTINCT
    if column.kind != "number":
        return None
    if _counts_rows(values, num_others=rows.num_left_out + rows.num_dropped + rows.num_skipped):
        return None if _is_named_as_time(column.name) else _COUNTER
    return _identifier(file, column.name, values)


def _is_open(column: Column, first: NDArray[np.float32]) -> bool:
    """Whether the first rows, (F, width), leave it open that a column is set aside; most need no further look."""
    is_missing = np.isnan(first[:, 0])
    if is_missing.all() or (first == first[0]).all():
        return True
    if is_missing.any():
        return False
    if column.kind == "category":
        return len(np.unique(first)) == len(first)
    return column.kind == "number" and (_rises(first[:, 0]) or _is_named_as_identifier(column.name))


def _rises(values: NDArray[np.float32]) -> bool:
    """Whether values, (N,), are whole numbers of which each is larger than the one before."""
    return bool((np.diff(values) >= 1).all() and (values == np.round(values)).all())


def _is_named_as_identifier(name: str) -> bool:
    return bool(_ID_NAME.fullmatch(name.strip()) or _ID_IN_CAMEL_CASE.fullmatch(name))


def _is_named_as_time(name: str) -> bool:
    return bool(_TIMES & set(re.split(r"[^a-z]+", name.lower())))


def _counts_rows(values: NDArray[np.float32], *, num_others: int) -> bool:
    """Whether values, (N,), are whole numbers from 0 or 1 on, of which only those of `num_others` rows are absent."""
    last = len(values) + num_others - 1 + min(values[0], 1)
    return bool(0 <= values[0] <= 1 + num_others and values[-1] <= last) and _rises(values)


def _identifier(file: ArrowTable, name: str, values: NDArray[np.float32]) -> str | None:
    """Why a number, (N,), without a missing value is an identifier; None if it is not."""
    if not _is_named_as_identifier(name):
        return None
    if (values != np.round(values)).any():
        return None
    if np.abs(values).max() < _EXACT:
        return _ID if len(np.unique(values)) == len(values) else None
    first = file.sample()[name]
    if len(set(first)) < len(first):
        return None
    return _ID if file.sample_is_whole else _ID_AT_FIRST
