"""A file of new rows for a table's run: in any format, delimiter and order of columns, with more columns or fewer."""

from __future__ import annotations

import codecs
import collections
import re
from collections.abc import Sequence
from pathlib import Path

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.files.text import decoded
from dlrun.data.tables.columns import Column
from dlrun.errors import DataError, did_you_mean
from dlrun.wording import printable

_LISTED = 5  # missing columns
_WHOLE = re.compile(r"-?\d+")
_FORMS = {"true": "True", "false": "False", "True": "true", "False": "false"}


def open_new_rows(path: Path, columns: Sequence[Column], *, delimiter: str, encoding: str) -> ArrowTable:
    """Return a file that has all columns of a run.

    delimiter, encoding: of the run's own table, which a new file may have too; else they are found.
    Raises DataError naming every column that the file does not have.
    """
    encoding = _encoding_of(path, encoding)
    try:
        file = ArrowTable(path, delimiter=delimiter, encoding=encoding)
    except DataError:
        if _is_utf8(encoding) and path.suffix.lower() not in (".parquet", ".pq"):
            collections.deque(decoded(path, encoding=None), maxlen=0)  # what to do, without the fields of a new run
        raise
    names = [column.name for column in columns]
    if delimiter != "auto" and file.format == "csv" and not set(names) <= set(file.names):
        other = ArrowTable(path, delimiter="auto", encoding=encoding)
        if len(other.names) > len(file.names) == 1:
            file = other
    if not set(names) <= set(file.names):
        file.names = file.all_names()  # of JSON lines: the first object may lack a value
    missing = [name for name in names if name not in file.names]
    if missing:
        near = did_you_mean(missing[0], [name for name in file.names if name not in names])
        listed = ", ".join(f'"{printable(name)}"' for name in missing[:_LISTED])
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        is_one = len(missing) == 1
        what = f"there {'is no column' if is_one else 'are no columns'} {listed}{more}, which the run was trained on."
        if file.format == "csv" and len(file.names) == 1:
            only = printable(file.names[0])
            what += f' Its only column is "{only}"; expected a comma, semicolon, tab or bar between columns.'
        raise DataError(f"{file.shown}: {what} {near}".rstrip())
    return file


def _encoding_of(path: Path, encoding: str) -> str:
    """UTF-8 if the file is, where the run's own table had one byte for each character; else the run's."""
    try:
        is_one_byte = len(bytes(range(256)).decode(encoding, errors="replace")) == 256
        if _is_utf8(encoding) or not is_one_byte:
            return encoding
        collections.deque(decoded(path, encoding=None), maxlen=0)  # all of it
    except DataError:
        return encoding
    return "utf-8"


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def other_form(word: str) -> str:
    """Return a category as another format writes it: 3 for 3.0, and 3.0 for 3; True for true; else the word."""
    if word.endswith(".0") and _WHOLE.fullmatch(word[:-2]):
        return word[:-2]
    return f"{word}.0" if _WHOLE.fullmatch(word) else _FORMS.get(word, word)
