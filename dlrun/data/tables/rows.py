"""A table's rows as a matrix of raw numbers, and the rows that were skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlrun.data.files.arrow_table import ArrowTable, NotNumbersError
from dlrun.data.files.bad_rows import HOW_TO_SKIP
from dlrun.data.files.status_line import long_work
from dlrun.data.tables.cells import cells_of
from dlrun.data.tables.columns import EXPECTED, WORD_KINDS, Column, setting, starts_of
from dlrun.errors import DataError
from dlrun.wording import printable

_LISTED = 20  # skipped rows that are listed one by one
_IS_MISSING = "the value is missing"
_MOST_WORDS = 1 << 24
_MOST_RETRIES = 3
Floats = NDArray[np.float32]
Refused = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with a row: its line in the file (in Parquet its number, from 1), column and reason."""

    line: int
    column: str
    what: str

    def __str__(self) -> str:
        column = f', column "{printable(self.column)}"' if self.column else ""
        return f"line {self.line}{column}: {self.what}"


@dataclass
class TableRows:
    """Rows of a file, good ones only.

    raw: (N, R) float32, NaN where a value is missing; a category is its index in `words`, by column.
    strays: by lenient column, the values that are not of its kind and how often each is in the file.
    present: by column with strays, how many values it has in the file.
    beside: by name, columns that were taken out of `raw`, (N,) each; see data.tables.row_columns.
    """

    raw: Floats
    words: dict[str, list[str]]
    num_skipped: int = 0
    skipped: list[RowProblem] = field(default_factory=list)  # the first ones
    num_dropped: int = 0  # for missing values
    num_left_out: int = 0  # without a target
    strays: dict[str, dict[str, int]] = field(default_factory=dict)
    present: dict[str, int] = field(default_factory=dict)
    beside: dict[str, Floats] = field(default_factory=dict)

    def column(self, starts: Mapping[str, int], name: str) -> Floats:
        """Return the first raw number of a column in each row, (N,); starts: as `starts_of` returns them."""
        return self.raw[:, starts[name]]


def read_rows(
    file: ArrowTable,
    columns: Sequence[Column],
    *,
    skip_bad_rows: bool = False,
    required: Sequence[str] = (),
    missing: Literal["fill", "error", "drop"] = "fill",
    leave_out: Sequence[str] = (),
    refused: Refused = MappingProxyType({}),
) -> TableRows:
    """Read the columns of every row.

    required: columns whose value must not be missing. missing: what to do with missing values of the others.
    leave_out: columns without whose value a row is left out, whatever else is wrong with the row.
    refused: by column, words that make a row bad, and why.
    A value that is not of the kind of a lenient column is counted and NaN; "error" and `required` do not refuse it.
    Raises DataError naming file, line and column, unless `skip_bad_rows`.
    """
    as_text: set[str] = set()
    while True:
        try:
            return _Reading(
                file,
                columns,
                as_text,
                skip_bad_rows=skip_bad_rows,
                required=required,
                missing=missing,
                leave_out=leave_out,
                refused=refused,
            ).read()
        except NotNumbersError as error:  # again, with that column as texts, to find the row
            _read_as_text(as_text, error.column, columns)


def read_blocks(
    file: ArrowTable, columns: Sequence[Column], *, num_rows: int, refused: Refused = MappingProxyType({})
) -> Iterator[TableRows]:
    """Yield new rows, to predict, `num_rows` at a time, each block with the words that it needs.

    Raises DataError naming file, line and column.
    """
    as_text: set[str] = set()
    num_yielded = 0
    while True:
        reading = _Reading(file, columns, as_text, skip_bad_rows=False, refused=refused, how_to_skip="")
        try:
            for raw in _blocks_of(reading.blocks(), num_rows=num_rows, after=num_yielded):
                yield TableRows(raw, reading.words())
                num_yielded += len(raw)
        except NotNumbersError as error:  # again, as texts: these may be numbers that Arrow does not parse
            _read_as_text(as_text, error.column, columns)
        else:
            return


def _read_as_text(as_text: set[str], name: str, columns: Sequence[Column]) -> None:
    """Add a column to those that are read as texts; after a few, all: each costs reading the file once more."""
    as_text.add(name)
    if len(as_text) >= _MOST_RETRIES:
        as_text.update(column.name for column in columns)


def _blocks_of(blocks: Iterator[Floats], *, num_rows: int, after: int) -> Iterator[Floats]:
    """Blocks of any length as blocks of `num_rows`, without the first `after` rows."""
    waiting: list[Floats] = []
    count = 0
    for block in blocks:
        dropped = min(after, len(block))
        after -= dropped
        rest = block[dropped:]
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
        skip_bad_rows: bool,
        required: Sequence[str] = (),
        missing: str = "fill",
        leave_out: Sequence[str] = (),
        refused: Refused,
        how_to_skip: str = f" {HOW_TO_SKIP}",
    ) -> None:
        self._file, self._columns, self._as_text = file, columns, as_text
        self._skip_bad_rows, self._required, self._missing = skip_bad_rows, required, missing
        starts = starts_of(columns)
        placed = [(number, starts[column.name], column) for number, column in enumerate(columns)]
        self._placed = sorted(placed, key=lambda place: place[2].name not in leave_out)  # which are judged first
        self._leave_out = leave_out
        self._refused, self._how_to_skip = refused, how_to_skip
        self._codes: dict[str, dict[str, int]] = {column.name: {} for column in columns if column.kind in WORD_KINDS}
        self._wrong: list[tuple[int, str, str]] = []  # record, column, what
        self._ragged: list[RowProblem] = []
        self._num_wrong = 0
        self._num_dropped = self._num_left_out = 0
        self._strays: dict[str, Counter[str]] = {}
        self._present: Counter[str] = Counter()
        self._width = sum(column.width for column in columns)

    def read(self) -> TableRows:
        matrix, count = np.empty((0, self._width), dtype=np.float32), 0
        for rows in self.blocks():
            if count + len(rows) > len(matrix):
                matrix = _grown(matrix, count, self._expected_rows(count, rows))
            matrix[count : count + len(rows)] = rows
            count += len(rows)
        return TableRows(
            matrix[:count],
            self.words(),
            self._num_wrong,
            self._listed(),
            self._num_dropped,
            self._num_left_out,
            {name: dict(strays) for name, strays in self._strays.items()},
            {name: self._present[name] for name in self._strays},
        )

    def words(self) -> dict[str, list[str]]:
        """Return the categories of the rows read so far, by column; a raw category is its index."""
        return {name: list(codes) for name, codes in self._codes.items()}

    def blocks(self) -> Iterator[Floats]:
        """Yield the raw numbers of the good rows, (B, R)."""
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
        """Estimate the rows of the whole file from its first block; memory that is not written to costs nothing."""
        if count == 0 and self._file.format == "csv":
            return int(self._file.path.stat().st_size / max(1, 8 << 20) * len(rows) * 1.2) + len(rows)
        return max(2 * count, count + len(rows))

    def _block(self, batch: Any, *, first: int) -> tuple[Floats, NDArray[np.bool_]]:
        """A batch's raw numbers, and which of its rows are good."""
        rows = np.empty((batch.num_rows, self._width), dtype=np.float32)
        kept = np.ones(batch.num_rows, dtype=np.bool_)
        for number, start, column in self._placed:
            codes, refused = self._codes.get(column.name, {}), self._refused.get(column.name, {})
            cells = cells_of(batch.column(number), column, codes, refused)
            if len(codes) > _MOST_WORDS:  # beyond, float32 has not every whole number
                what = f'"{printable(column.name)}" has more than {_MOST_WORDS:,} distinct values'
                raise DataError(f"{self._file.shown}: {what}; ignore it: {setting(column.name, 'ignore')}.")
            rows[:, start : start + column.width] = cells.values
            self._present[column.name] += cells.num_present
            if cells.strays:
                self._strays.setdefault(column.name, Counter()).update(cells.strays)
            lacking = cells.is_null | cells.is_stray
            if column.name in self._leave_out:
                self._num_left_out += int((lacking & kept).sum())
                kept &= ~lacking
            expected = "a weight from 0 up" if column.is_weight else EXPECTED.get(column.kind, "a value")
            for row in np.flatnonzero(cells.bad & kept):
                text = cells.text_of(row)
                what = refused.get(text, f'expected {expected}, got "{printable(text)}"')
                self._note(first + int(row), column.name, what)
            if column.name in self._required or self._missing == "error":
                lacking = cells.is_null
                for row in np.flatnonzero(lacking & kept & ~cells.bad):
                    self._note(first + int(row), column.name, _IS_MISSING)
                kept &= ~lacking
            elif self._missing == "drop":
                self._num_dropped += int((lacking & kept & ~cells.bad).sum())
                kept &= ~lacking
            kept &= ~cells.bad
        return rows, kept

    def _note_ragged(self, line: int, what: str) -> None:
        problem = RowProblem(line, "", what)
        if not self._skip_bad_rows:
            raise DataError(f"{self._file.shown}: {problem}{self._how_to_skip}")
        self._num_wrong += 1
        self._ragged.append(problem)

    def _note(self, record: int, column: str, what: str) -> None:
        if not self._skip_bad_rows:
            (line,) = self._file.lines_of([record])
            hint = f"; for a column of categories: {setting(column, 'category')}"
            if what == _IS_MISSING:
                hint = "; to fill missing values: dataset.missing=fill"
            if column in self._required or what in self._refused.get(column, {}).values() or not self._how_to_skip:
                hint = ""
            raise DataError(f"{self._file.shown}: {RowProblem(line, column, what)}{hint}.{self._how_to_skip}")
        self._num_wrong += 1
        if len(self._wrong) < _LISTED:
            self._wrong.append((record, column, what))

    def _listed(self) -> list[RowProblem]:
        records = sorted({record for record, _, _ in self._wrong})
        lines = dict(zip(records, self._file.lines_of(records), strict=True))
        found = [RowProblem(lines[record], column, what) for record, column, what in self._wrong]
        return sorted([*found, *self._ragged], key=lambda problem: problem.line)[:_LISTED]


def _grown(matrix: Floats, count: int, rows: int) -> Floats:
    """A matrix of `rows` rows that begins with the first `count` of another."""
    larger = np.empty((rows, matrix.shape[1]), dtype=np.float32)
    larger[:count] = matrix[:count]
    return larger


def describe_skipped(rows: TableRows) -> Mapping[str, Any]:
    """Return what `result.json` contains about skipped rows."""
    return {"rows": rows.num_skipped, "first": [str(problem) for problem in rows.skipped]}
