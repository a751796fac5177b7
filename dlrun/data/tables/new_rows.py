"""A file of new rows for a table's run: in any format, delimiter and order of columns, with more columns or fewer."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.files.text import decoded
from dlrun.data.tables.columns import Column
from dlrun.errors import DataError, did_you_mean
from dlrun.wording import printable


def open_new_rows(path: Path, columns: Sequence[Column], *, delimiter: str, encoding: str) -> ArrowTable:
    """Return a file that has all columns of a run.

    delimiter, encoding: of the run's own table, which a new file may have too; else they are found.
    Raises DataError naming every column that the file does not have.
    """
    encoding = _encoding_of(path, encoding)
    file = ArrowTable(path, delimiter=delimiter, encoding=encoding)
    names = [column.name for column in columns]
    if delimiter != "auto" and file.format == "csv" and not set(names) <= set(file.names):
        other = ArrowTable(path, delimiter="auto", encoding=encoding)
        if len(set(names) & set(other.names)) > len(set(names) & set(file.names)):
            file = other
    if not set(names) <= set(file.names):
        file.names = file.all_names()  # of JSON lines: the first object may lack a value
    missing = [name for name in names if name not in file.names]
    if missing:
        near = did_you_mean(missing[0], [name for name in file.names if name not in names])
        listed = ", ".join(f'"{printable(name)}"' for name in missing)
        what = f"there is no column {listed}, which the run was trained on."
        if file.format == "csv" and len(file.names) == 1:
            only = printable(file.names[0])
            what += f' Its only column is "{only}"; expected a comma, semicolon, tab or bar between columns.'
        raise DataError(f"{file.shown}: {what} {near}".rstrip())
    return file


def _encoding_of(path: Path, encoding: str) -> str:
    """UTF-8 if the file is, where the run's own table had one byte for each character; else the run's."""
    try:
        is_one_byte = len(bytes(range(256)).decode(encoding, errors="replace")) == 256
        if codecs.lookup(encoding).name == "utf-8" or not is_one_byte:
            return encoding
        for _ in decoded(path, encoding=None):
            pass
    except DataError:
        return encoding
    return "utf-8"
