"""A table as CSV (RFC 4180), in which no spreadsheet finds a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from dlrun.wording import escape_controls

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return the table's text; lines end with CR LF. None is an empty cell.

    A text that a spreadsheet would run as a formula gets an apostrophe before it; numbers stay what they are. Control
    characters are escaped, so the text may be written to a terminal as it is (`unfiltered`: with its CR).
    """
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([_cell(each) for each in headings])
    writer.writerows([_cell(each) for each in row] for row in rows)
    return stream.getvalue()


def without_formula(value: Any) -> Any:
    """Return a cell's value; a text that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _cell(value: Any) -> Any:
    return escape_controls(without_formula(value)) if isinstance(value, str) else value
