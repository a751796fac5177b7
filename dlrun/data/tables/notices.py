"""What the user should know of a table: kinds of columns, missing values, rows that were skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dlrun.data.tables.columns import BLOCK_KINDS, Column, setting, starts_of
from dlrun.data.tables.judging import counts_of
from dlrun.data.tables.reading import TrainTable
from dlrun.data.tables.rows import TableRows
from dlrun.data.tables.set_aside import kind_to_use
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.written import written_otherwise
from dlrun.wording import plural, printable

_SHOWN = 12  # columns named in one notice
_SHOWN_ROWS = 5
_SHOWN_STRAYS = 5
_KINDS = ("number", "boolean", "date", "category", "text", "image")


def table_notices(table: TrainTable, rows: Mapping[str, TableRows], settings: TableSettings) -> Iterator[str]:
    """Yield the notices. rows: by split."""
    *columns, target = table.columns
    starts = starts_of(columns)
    for kind in _KINDS:
        names = [
            printable(column.name)
            + (f" ({len(counts_of(starts, table.rows, column.name))})" if kind == "category" else "")
            for column in columns
            if column.kind == kind
        ]
        if names:
            counted = f"{len(names):,} yes/no" if kind == "boolean" else plural(len(names), kind)
            yield f"columns: {counted}: {_listed(names)}"
    yield from _ignored(table.ignored)
    for column in columns:
        if column.kind == "category" and column.name not in settings.columns:
            otherwise = written_otherwise(counts_of(starts, table.rows, column.name))
            if otherwise:
                yield f"columns: {printable(column.name)} is read as categories ({otherwise})"
    lenient = [column for column in columns if column.lenient]
    yield from (_strays(column, table.rows) for column in lenient[:_SHOWN])
    if len(lenient) > _SHOWN:
        others = _listed([printable(column.name) for column in lenient[_SHOWN:]])
        yield f"columns: values of {others} are not of their column's kind and count as missing, too"
    missing = [
        f"{printable(column.name)} {count:,}"
        for column in columns
        if (count := _num_missing(starts, table.rows, column))
    ]
    if missing:
        what = "numbers become the training median and a flag, categories one of their own"
        if any(column.kind in BLOCK_KINDS for column in columns):
            what += ", texts and images nothing and a flag"
        yield f"missing values: {_listed(missing)}; {what}"
    for one in (target, *table.more_targets):
        if one.lenient:
            yield _strays(one, table.rows)
    for split, part in rows.items():
        yield from _about_rows(split, part, table, settings)


def _ignored(ignored: Mapping[str, str]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for name, why in ignored.items():
        reasons.setdefault(why, []).append(name)
    for why, names in reasons.items():
        is_one = len(names) == 1
        what = f"{_listed([printable(name) or 'the unnamed column' for name in names])} {'is' if is_one else 'are'}"
        kind = kind_to_use(why)
        usable = [name for name in names if name] if kind else []
        hint = f"; to use {'it' if is_one else 'one'}: {setting(usable[0], kind)}" if kind and usable else ""
        yield f"columns: {what} ignored ({why}{hint})"


def _strays(column: Column, rows: TableRows) -> str:
    strays = rows.strays[column.name]
    shown = [f'"{printable(word)}" {count:,}' for word, count in Counter(strays).most_common(_SHOWN_STRAYS)]
    more = ", ..." if len(strays) > _SHOWN_STRAYS else ""
    total, present = sum(strays.values()), rows.present[column.name]
    are = f"is no {column.kind} and counts" if total == 1 else f"are no {column.kind}s and count"
    what = f"{total:,} of {plural(present, 'value')} {are} as missing: {', '.join(shown)}{more}"
    return f"columns: {printable(column.name)}: {what}; to make them categories: {setting(column.name, 'category')}"


def _num_missing(starts: Mapping[str, int], rows: TableRows, column: Column) -> int:
    return int(np.isnan(rows.column(starts, column.name)).sum())


def _about_rows(split: str, rows: TableRows, table: TrainTable, settings: TableSettings) -> Iterator[str]:
    of = "" if split == "train" else f" of dataset.{split}"
    if rows.num_left_out:
        *others, last = map(printable, settings.targets)
        target = f"{', '.join(others)} or {last}" if others else last
        what = f"without a value of {target} left out; to stop at the first: dataset.missing_target=stop"
        yield f"rows: {plural(rows.num_left_out, 'row')}{of} {what}"
    if rows.num_dropped:
        yield f"{plural(rows.num_dropped, 'row')}{of} with missing values dropped (dataset.missing=drop)"
    if rows.num_skipped:
        first = "; ".join(str(problem) for problem in rows.skipped[:_SHOWN_ROWS])
        yield f"{plural(rows.num_skipped, 'bad row')}{of} skipped (dataset.on_bad_row=skip): {first}"
    if split == "train":
        return
    columns, starts = table.columns[:-1], starts_of(table.columns)
    empty = [printable(one.name) for one in columns if _num_missing(starts, rows, one) == len(rows.raw)]
    if empty:
        yield f"missing values{of}: {_listed(empty)} in every row"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
