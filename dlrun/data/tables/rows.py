"""A table's rows as a matrix of raw numbers, and what was wrong with those left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlrun.data.files.arrow_table import ArrowTable, NotNumbersError
from dlrun.data.files.status_line import long_work
from dlrun.data.tables.columns import EXPECTED, Column, raw_values
from dlrun.errors import DataError
from dlrun.wording import printable

_LISTED = 20  # rows left out that are listed one by one
_IS_MISSING = "the value is missing"
_HUGE = float(np.finfo(np.float32).max)
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Wrong:
    """One row that cannot be learnt from: its line in the file (a row from 1 on in Parquet), column and reason."""

    line: int
    column: str
    what: str

    def __str__(self) -> str:
        column = f', column "{printable(self.column)}"' if self.column else ""
        return f"line {self.line}{column}: {self.what}"


@dataclass
class TableRows:
    """raw: (N, R) float32, NaN where a value is missing; a category is its number among `words`."""

    raw: Floats
    words: dict[str, list[str]]
    num_skipped: int = 0
    skipped: list[Wrong] = field(default_factory=list)  # the first of them
    num_dropped: int = 0  # for missing values, where that is the policy

    def column(self, columns: Sequence[Column], name: str) -> Floats:
        """A column's first raw numbers, (N,)."""
        start = 0
        for column in columns:
            if column.name == name:
                return self.raw[:, start]
            start += column.width
        raise KeyError(name)


def read_rows(
    file: ArrowTable,
    columns: Sequence[Column],
    *,
    skip_bad: bool = False,
    required: Sequence[str] = (),
    missing: Literal["fill", "error", "drop"] = "fill",
) -> TableRows:
    """Read the columns of every row.

    required: columns whose value may not be missing. missing: what becomes of rows with a missing value elsewhere.
    Raises DataError naming file, line and column, unless `skip_bad`.
    """
    as_text: set[str] = set()
    while True:
        try:
            return _Reading(file, columns, as_text, skip_bad=skip_bad, required=required, missing=missing).read()
        except NotNumbersError as error:  # once more, with that column as texts, to see which row it is
            as_text.add(error.column)


def read_blocks(file: ArrowTable, columns: Sequence[Column], *, num_rows: int) -> Iterator[TableRows]:
    """The rows of `read_rows`, so many at a time, each block with the words that it needs.

    Raises DataError naming file, line and column.
    """
    as_text: set[str] = set()
    given = 0
    while True:
        reading = _Reading(file, columns, as_text, skip_bad=False, required=(), missing="fill")
        try:
            for raw in _blocks_of(reading.blocks(), num_rows=num_rows, after=given):
                yield TableRows(raw, reading.words())
                given += len(raw)
        except NotNumbersError as error:  # once more, with that column as texts: it may hold numbers written otherwise
            as_text.add(error.column)
        else:
            return


def _blocks_of(blocks: Iterator[Floats], *, num_rows: int, after: int) -> Iterator[Floats]:
    """The rows of blocks of any length in blocks of one; the first `after` rows are passed over."""
    waiting: list[Floats] = []
    count = 0
    for block in blocks:
        passed = min(after, len(block))
        after -= passed
        rest = block[passed:]
        while count + len(rest) >= num_rows:
            taken = num_rows - count
            yield np.concatenate([*waiting, rest[:taken]])
            rest, waiting, count = rest[taken:], [], 0
        waiting.append(rest)
        count += len(rest)
    if count:
        yield np.concatenate(waiting)


class _Reading:
    def __init__(
        self,
        file: ArrowTable,
        columns: Sequence[Column],
        as_text: set[str],
        *,
        skip_bad: bool,
        required: Sequence[str],
        missing: str,
    ) -> None:
        self._file, self._columns, self._as_text = file, columns, as_text
        self._skip_bad, self._required, self._missing = skip_bad, required, missing
        self._codes: dict[str, dict[str, int]] = {column.name: {} for column in columns if column.kind == "category"}
        self._wrong: list[tuple[int, str, str]] = []  # record, column, what
        self._ragged: list[Wrong] = []
        self._num_wrong = 0
        self._num_dropped = 0
        self._width = sum(column.width for column in columns)

    def read(self) -> TableRows:
        matrix, count = np.empty((0, self._width), dtype=np.float32), 0
        for rows in self.blocks():
            if count + len(rows) > len(matrix):
                matrix = _grown(matrix, count, self._expected_rows(count, rows))
            matrix[count : count + len(rows)] = rows
            count += len(rows)
        return TableRows(matrix[:count], self.words(), self._num_wrong, self._listed(), self._num_dropped)

    def words(self) -> dict[str, list[str]]:
        """The categories met so far, by column; a raw category is its number among them."""
        return {name: list(codes) for name, codes in self._codes.items()}

    def blocks(self) -> Iterator[Floats]:
        """Raw numbers of the good rows in turn, (B, R)."""
        names = [column.name for column in self._columns]
        numbers = {column.name for column in self._columns if column.kind == "number"} - self._as_text
        records = 0
        with long_work(f"Reading {self._file.path.name}", self._file.num_rows, unit="rows") as done:
            for batch in self._file.batches(numbers=numbers, names=names, bad=self._note_ragged):
                rows, kept = self._block(batch, first=records)
                records += batch.num_rows
                done(batch.num_rows)
                yield rows if kept.all() else rows[kept]

    def _expected_rows(self, count: int, rows: Floats) -> int:
        """Room for the rest of the file, as its first rows speak for; memory not written to costs nothing."""
        if count == 0 and self._file.format == "csv":
            return int(self._file.path.stat().st_size / max(1, 8 << 20) * len(rows) * 1.2) + len(rows)
        return max(2 * count, count + len(rows))

    def _block(self, batch: Any, *, first: int) -> tuple[Floats, NDArray[np.bool_]]:
        """A batch's raw numbers, and which of its rows are good."""
        rows = np.empty((batch.num_rows, self._width), dtype=np.float32)
        kept = np.ones(batch.num_rows, dtype=np.bool_)
        start = 0
        for number, column in enumerate(self._columns):
            values, is_null, bad, texts = self._values(batch.column(number), column)
            rows[:, start : start + column.width] = values
            start += column.width
            for row in np.flatnonzero(bad & kept):
                what = f'expected {EXPECTED.get(column.kind, "a value")}, got "{printable(texts(row))}"'
                self._note(first + int(row), column.name, what)
            if column.name in self._required or self._missing == "error":
                for row in np.flatnonzero(is_null & kept & ~bad):
                    self._note(first + int(row), column.name, _IS_MISSING)
                bad = bad | is_null
            elif self._missing == "drop":
                self._num_dropped += int((is_null & kept & ~bad).sum())
                bad = bad | is_null
            kept &= ~bad
        return rows, kept

    def _values(self, array: Any, column: Column) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_], Any]:
        """Raw numbers (B, width), where they are missing, where they are none of their kind, and the text of a row."""
        if not hasattr(array, "indices"):
            numbers = array.to_numpy(zero_copy_only=False)
            is_null = np.isnan(numbers)
            with np.errstate(invalid="ignore", over="ignore"):
                bad = np.abs(numbers) > _HUGE
                return numbers.astype(np.float32)[:, None], is_null, bad, lambda row: f"{numbers[row]:g}"
        words = array.dictionary.to_pylist()
        is_null = ~np.asarray(array.is_valid())
        indices = array.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)  # a null is the word past the last
        if column.kind == "category":
            codes = self._codes[column.name]
            table = np.array([[codes.setdefault(word, len(codes))] for word in words], dtype=np.float32).reshape(-1, 1)
        else:
            table = raw_values(column.kind, words)
        table = np.concatenate([table, np.full((1, column.width), np.nan, dtype=np.float32)])
        values = table[indices]
        bad = ~np.isfinite(values[:, 0]) & ~is_null
        return values, is_null, bad, lambda row: words[indices[row]]

    def _note_ragged(self, line: int, what: str) -> None:
        wrong = Wrong(line, "", what)
        if not self._skip_bad:
            raise DataError(f"{self._file.shown}: {wrong} dataset.on_bad_row=skip leaves such rows out.")
        self._num_wrong += 1
        self._ragged.append(wrong)

    def _note(self, record: int, column: str, what: str) -> None:
        if not self._skip_bad:
            (line,) = self._file.lines_of([record])
            hint = "" if column in self._required else f"; if that is meant, dataset.columns={{{column}: category}}"
            if what == _IS_MISSING:
                hint = "" if column in self._required else "; dataset.missing=fill fills such values"
            raise DataError(
                f"{self._file.shown}: {Wrong(line, column, what)}{hint}. dataset.on_bad_row=skip leaves such rows out."
            )
        self._num_wrong += 1
        if len(self._wrong) < _LISTED:
            self._wrong.append((record, column, what))

    def _listed(self) -> list[Wrong]:
        records = sorted({record for record, _, _ in self._wrong})
        lines = dict(zip(records, self._file.lines_of(records), strict=True))
        found = [Wrong(lines[record], column, what) for record, column, what in self._wrong]
        return sorted([*found, *self._ragged], key=lambda wrong: wrong.line)[:_LISTED]


def _grown(matrix: Floats, count: int, rows: int) -> Floats:
    """A matrix with room for more rows, the first `count` kept."""
    larger = np.empty((rows, matrix.shape[1]), dtype=np.float32)
    larger[:count] = matrix[:count]
    return larger


def describe_skipped(rows: TableRows) -> Mapping[str, Any]:
    """What `result.json` says of rows left out."""
    return {"rows": rows.num_skipped, "first": [str(wrong) for wrong in rows.skipped]}
