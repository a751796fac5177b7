"""Kinds of a table's columns, judged on all rows: guessed from the first ones, and read again where that was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import Column, kind_of, mostly, starts_of
from dlrun.data.tables.rows import Refused, TableRows, read_rows
from dlrun.data.tables.settings import TableSettings

MOST_CLASSES = 1000
NO_FEATURE = ("text", "missing")  # kinds whose raw numbers are those of a category


def read_judged(
    file: ArrowTable, columns: Sequence[Column], settings: TableSettings, refused: Refused = MappingProxyType({})
) -> tuple[list[Column], TableRows]:
    """Read the training file, and return its columns with their kinds on all rows, and the rows.

    columns: the target is the last; lenient ones have a kind that is guessed, and are lenient in the result if a value
    counts as missing.
    Raises DataError naming file, line and column.
    """
    current = list(columns)
    settled: set[str] = set()  # rows that are not used may tell kinds from each other: a category stays one
    while True:
        rows = read_table(file, current, settings, refused)
        starts = starts_of(current)
        judged = [_judged(column, starts, rows, settings) for column in current]
        again = [
            new
            for old, new in zip(current, judged, strict=True)
            if new != old and new.kind not in NO_FEATURE and new.name not in settled
        ]
        if not again:
            kinds = [new.kind if new.kind in NO_FEATURE else old.kind for old, new in zip(current, judged, strict=True)]
            return [
                replace(column, kind=kind, lenient=column.name in rows.strays)
                for column, kind in zip(current, kinds, strict=True)
            ], rows
        settled |= {column.name for column in again if column.kind == "category"}
        current = [new if new in again else old for old, new in zip(current, judged, strict=True)]


def read_table(
    file: ArrowTable, columns: Sequence[Column], settings: TableSettings, refused: Refused = MappingProxyType({})
) -> TableRows:
    """Read the rows of a file, as `read_rows` does; the target is the last column."""
    is_optional = settings.missing_target == "leave_out"
    return read_rows(
        file,
        columns,
        skip_bad_rows=settings.skip_bad_rows,
        required=settings.of_rows if is_optional else [*settings.of_rows, *settings.targets],
        missing=settings.missing,
        leave_out=settings.targets if is_optional else (),
        refused=refused,
    )


def counts_of(starts: Mapping[str, int], rows: TableRows, name: str) -> Mapping[str, int]:
    """Return the values of a column of categories and how often each is there, without missing ones.

    starts: as `starts_of` returns them.
    """
    codes = rows.column(starts, name)
    counts = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(rows.words[name]))
    return {word: int(count) for word, count in zip(rows.words[name], counts, strict=True) if count}


def _judged(column: Column, starts: Mapping[str, int], rows: TableRows, settings: TableSettings) -> Column:
    """The column as all rows say it should be read; itself if they agree."""
    if not column.lenient:
        return column
    if column.kind == "category":
        most = MOST_CLASSES if column.is_target else settings.max_categories
        kind = kind_of(counts_of(starts, rows, column.name), max_categories=most)
        is_class = column.is_target and kind in ("boolean", "date")  # a target of dates is reported later
        return column if is_class else replace(column, kind=kind)
    strays = rows.strays.get(column.name)
    if not strays:
        return column
    if column.kind != "boolean" and mostly(strays, (), present=rows.present[column.name]):
        refused = settings.missing_target == "stop" if column.is_target else settings.missing == "error"
        return replace(column, lenient=not refused)
    if column.is_target and settings.task == "regression":
        return replace(column, lenient=False)  # which reports the first value that is no number
    return replace(column, kind="category")
