"""Named columns of a CSV, TSV, JSON lines or Parquet file, as text, each row with the place it stands at."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlrun.data.files.optional import need
from dlrun.data.files.status_line import counted, long_work
from dlrun.data.files.text import read_text
from dlrun.errors import ConfigError, DataError, Problem, did_you_mean

_SHOWN = 5  # rows left out that a notice lists
_LONGEST_CELL = 1 << 28  # characters


@dataclass
class BadRows:
    """Rows that cannot be used: the first stops the run, or all are counted and listed."""

    path: Path
    skip: bool
    listed: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, place: str, what: str) -> None:
        """Note a row.

        Raises DataError unless bad rows are to be skipped.
        """
        if not self.skip:
            raise DataError(f"{self.path}: {place}: {what} Mend the row, or leave such out: dataset.on_bad_row=skip.")
        self.count += 1
        if len(self.listed) < _SHOWN:
            self.listed.append(f"{place}: {what}")

    def notices(self) -> tuple[str, ...]:
        """What was left out, in a line."""
        if not self.count:
            return ()
        rest = f" and {self.count - len(self.listed)} more" if self.count > len(self.listed) else ""
        rows = "1 row was" if self.count == 1 else f"{self.count} rows were"
        return (f"{self.path}: {rows} left out. {' '.join(self.listed)}{rest}",)


@dataclass(frozen=True)
class Record:
    """A row's cells, as the columns were asked for, and where it stands: "row 3 (line 4)"."""

    cells: list[str]
    place: str


def read_columns(path: Path, *, delimiter: str | None = None, encoding: str = "utf-8") -> list[str]:
    """The names of a file's columns, in order."""
    return _table(path, delimiter=delimiter, encoding=encoding)[0]


def read_records(
    path: Path, columns: Sequence[str], *, delimiter: str | None, encoding: str, bad: BadRows
) -> Iterator[Record]:
    """Each row's cells in the columns asked for; an absent or null cell is "".

    The ending says what a file is: .csv, .tsv, .jsonl or .parquet; everything else is read as CSV.
    Raises DataError naming file, row and column.
    """
    names, rows, about = _table(path, delimiter=delimiter, encoding=encoding)
    duplicated = next((name for name in columns if names.count(name) > 1), None)
    if duplicated is not None:
        raise DataError(f'{path}: the column "{duplicated}" stands there {names.count(duplicated)} times.')
    for name in columns:
        if name not in names:
            raise DataError(f'{path}: there is no column "{name}". {_hint(name, names)}')
    index = [names.index(name) for name in columns]
    with long_work(f"Reading {path.name}", about, unit="rows") as done:
        for cells, place in counted(rows, done):
            if len(cells) != len(names):
                bad.add(place, f"Expected {len(names)} cells, got {len(cells)}.")
            else:
                yield Record([cells[i] for i in index], place)


def _hint(name: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        used = next((what for mark, what in ((";", '";"'), ("\t", '"\\t"'), ("|", '"|"')) if mark in names[0]), None)
        if used is not None:
            return f'Its first line is "{names[0]}"; if the cells are divided otherwise: dataset.delimiter={used}.'
    return did_you_mean(name, names)


Table = tuple[list[str], Iterator[tuple[list[str], str]], int]
"""The columns' names, each row's cells with its place, and about how many rows there are."""


def _table(path: Path, *, delimiter: str | None, encoding: str) -> Table:
    ending = path.suffix.lower()
    if ending == ".parquet":
        return _parquet(path)
    if ending in (".jsonl", ".ndjson"):
        return _json_lines(path, encoding)
    if delimiter is not None and len(delimiter) != 1:
        raise ConfigError(Problem(f"dataset.delimiter={delimiter}", "Expected one character."))
    return _delimited(path, delimiter or ("\t" if ending in (".tsv", ".tab") else ","), encoding)


def _delimited(path: Path, delimiter: str, encoding: str) -> Table:
    csv.field_size_limit(_LONGEST_CELL)
    text = read_text(path, encoding=encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)

    def rows() -> Iterator[tuple[list[str], str]]:
        number = 0
        while True:
            first = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                raise DataError(f"{path}: line {first}: not readable as a table ({error}).") from error
            if cells:  # an empty line is none
                number += 1
                yield cells, f"row {number} (line {first})"
        if not number:
            raise DataError(f"{path}: there are no rows below the line of column names.")

    try:
        names = next(reader)
    except csv.Error as error:
        raise DataError(f"{path}: line 1: not readable as column names ({error}).") from error
    return [name.strip() for name in names], rows(), text.count("\n")


def _json_lines(path: Path, encoding: str) -> Table:
    objects: list[tuple[dict[str, object], str]] = []
    names: dict[str, None] = {}
    for number, line in enumerate(read_text(path, encoding=encoding).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: line {number}: not JSON ({error}).") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}: line {number}: expected an object, got {type(row).__name__}.")
        names.update(dict.fromkeys(row))
        objects.append((row, f"line {number}"))
    columns = list(names)
    return columns, (([_cell(row.get(name)) for name in columns], place) for row, place in objects), len(objects)


def _parquet(path: Path) -> Table:
    pyarrow = need("pyarrow", extra="table")
    parquet = need("pyarrow.parquet", extra="table")
    try:
        table = parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({error}).") from error
    if not table.num_rows:
        raise DataError(f"{path}: there are no rows.")
    columns = [[_cell(value) for value in column.to_pylist()] for column in table.columns]
    rows = ((list(cells), f"row {number}") for number, cells in enumerate(zip(*columns, strict=True), start=1))
    return list(table.column_names), rows, table.num_rows


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str).strip('"')
