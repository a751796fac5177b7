"""Whether the rows of a file without `dataset.time` are in the order of its dates, as one series has them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from dlrun.data.files.records import read_records
from dlrun.data.files.table_file import TableFile
from dlrun.data.tables.times import as_number, parse_time
from dlrun.wording import printable

_ROWS = 2000  # that are looked at
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b.*")
_PARTS = re.compile(r"hour|hr|time|minute|min|second|sec|period|interval|slot|quarter", re.IGNORECASE)
"""Columns that tell rows of one date apart."""


def order_notices(file: TableFile, first: Mapping[str, str]) -> list[str]:
    """Return what is odd about the order of the rows; nothing where no column has dates. first: the first row's cells.

    Dates that repeat may be those of several series; dates that go back are, or the newest row is first.
    """
    name = next((name for name, cell in first.items() if _is_date(cell)), None)
    if name is None:
        return []
    rows = read_records(file, [name], bad=_ignore)
    found = [(row.cells[0].strip(), row.place) for row in itertools.islice(rows, _ROWS)]
    found = [(text, place) for text, place in found if _is_date(text)]
    times = [parse_time(text) for text, _ in found]
    known = [time for time in times if time is not None]
    pairs = list(itertools.pairwise(known)) if len(known) == len(times) else []
    shown = f'{file.shown}: dates in "{printable(name)}"'
    if pairs and all(after <= before for before, after in pairs) and known[-1] < known[0]:
        what = "begin with the newest, but rows are taken in the order of the file: what is forecast is the past."
        return [f"{shown} {what} Sort the file by time; dataset.time={printable(name)} checks it."]
    at = next((number for number, (before, after) in enumerate(pairs, start=1) if after < before), None)
    one = "all rows are taken for one series"
    cure = "If the file has several series, keep the rows of one; else sort it by time."
    if at is not None:
        (before, _), (after, place) = found[at - 1], found[at]
        return [f"{shown} go back ({place}: {after} comes after {before}), but {one}. {cure}"]
    repeated = _repeated(found)
    if repeated is None or any(_PARTS.search(other) for other in first if other != name):
        return []
    return [f"{shown} are there more than once ({repeated}), but {one}. {cure}"]


def _repeated(found: Sequence[tuple[str, str]]) -> str | None:
    places: dict[str, str] = {}
    for text, place in found:
        if text in places:
            return f"{text}: {places[text]} and {place}"
        places[text] = place
    return None


def _is_date(cell: str) -> bool:
    return as_number(cell) is None and (parse_time(cell) is not None or _DATE.fullmatch(cell.strip()) is not None)


def _ignore(what: str) -> None:
    """A bad row, which reading the series reports."""
