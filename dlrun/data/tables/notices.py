"""What the user should know of a table: kinds of columns, missing values, rows that were skipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dlrun.data.tables.columns import BLOCK_KINDS, Column
from dlrun.data.tables.rows import TableRows
from dlrun.wording import plural, printable

_SHOWN = 12  # columns named in one notice
_SHOWN_ROWS = 5
_PLURALS = (
    ("number", "numbers"), ("boolean", "yes/no"), ("date", "dates"), ("category", "categories"), ("text", "texts"),
    ("image", "images"),
)  # fmt: skip


def table_notices(
    columns: Sequence[Column], ignored: Mapping[str, str], rows: Mapping[str, TableRows], inputs: NDArray[np.float32]
) -> Iterator[str]:
    """Yield the notices. ignored: columns and why they are no features. inputs: raw training rows, (N, R)."""
    for kind, name in _PLURALS:
        names = [
            printable(column.name) + (f" ({len(rows['train'].words[column.name])})" if kind == "category" else "")
            for column in columns
            if column.kind == kind
        ]
        if names:
            yield f"columns: {len(names)} {name}: {_listed(names)}"
    for name, why in ignored.items():
        yield f"columns: {printable(name)} is ignored ({why})"
    missing, start = [], 0
    for column in columns:
        count = int(np.isnan(inputs[:, start]).sum())
        start += column.width
        if count:
            missing.append(f"{printable(column.name)} {count:,}")
    if missing:
        what = "numbers become the training median and a flag, categories one of their own"
        if any(column.kind in BLOCK_KINDS for column in columns):
            what += ", texts and images nothing and a flag"
        yield f"missing values: {_listed(missing)}; {what}"
    for split, part in rows.items():
        of = "" if split == "train" else f" of dataset.{split}"
        if part.num_dropped:
            yield f"{plural(part.num_dropped, 'row')}{of} with missing values dropped (dataset.missing=drop)"
        if part.num_skipped:
            first = "; ".join(str(problem) for problem in part.skipped[:_SHOWN_ROWS])
            yield f"{plural(part.num_skipped, 'bad row')}{of} skipped (dataset.on_bad_row=skip): {first}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
