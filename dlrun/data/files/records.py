"""Rows of a table's file as texts, one at a time; CSV and JSON lines need no pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlrun.data.files.status_line import counted, long_work
from dlrun.data.files.table_file import TableFile, as_text
from dlrun.errors import DataError

_BATCH_ROWS = 4096
Bad = Callable[[str], None]
"""Receives a bad row's place and what is wrong with it, as text; may raise."""


@dataclass(frozen=True)
class Record:
    """A row's cells, in the order of the requested columns, and its place: "line 4", in Parquet "row 3"."""

    cells: list[str]
    place: str


def open_records(path: Path, *, delimiter: str | None = None, encoding: str | None = "utf-8") -> TableFile:
    """Open a file for `read_records`: one with an unknown ending is CSV, and the names of its columns are stripped."""
    file = TableFile(path, delimiter=delimiter, encoding=encoding, default_format="csv")
    if file.format == "csv":
        file.names = [name.strip() for name in file.names]
    return file


def read_records(file: TableFile, columns: Sequence[str], *, bad: Bad) -> Iterator[Record]:
    """Yield each row's cells in the requested columns; a missing cell is "".

    Raises DataError, naming the file, for a column that it does not have.
    """
    known = file.names if set(columns) <= set(file.names) else file.all_names()
    file.check_columns(columns, known)
    rows = {"csv": _csv, "json": _json, "parquet": _parquet}[file.format](file, columns, bad)
    with long_work(f"Reading {file.path.name}", file.num_rows, unit="rows") as done:
        for number, cells in counted(rows, done):
            yield Record(cells, file.place(number))


def _csv(file: TableFile, columns: Sequence[str], bad: Bad) -> Iterator[tuple[int, list[str]]]:
    index = [file.names.index(name) for name in columns]
    rows = file.csv_rows(strict=True)
    next(rows)  # the heading
    for line, cells in rows:
        if len(cells) == len(file.names):
            yield line, [cells[i] for i in index]
        else:
            bad(f"{file.place(line)}: {file.wrong_width(len(cells))}")


def _json(file: TableFile, columns: Sequence[str], bad: Bad) -> Iterator[tuple[int, list[str]]]:
    for line, row in file.json_rows(lambda line, what: bad(f"{file.place(line)}: {what}")):
        yield line, [as_text(row.get(name)) or "" for name in columns]


def _parquet(file: TableFile, columns: Sequence[str], bad: Bad) -> Iterator[tuple[int, list[str]]]:
    parquet = file.parquet()
    if not parquet.metadata.num_rows:
        raise DataError(f"{file.shown}: there is no row.")
    number = 0
    for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=list(columns)):
        values = [batch.column(batch.schema.get_field_index(name)).to_pylist() for name in columns]
        for cells in zip(*values, strict=True):
            number += 1
            yield number, [as_text(value) or "" for value in cells]
