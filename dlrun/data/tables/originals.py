"""Rows of a table as cells again, from their raw numbers: a date from its parts, a word from its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dlrun.data.originals import Original, as_written
from dlrun.data.source import Originals, Rows
from dlrun.data.tables.columns import WORD_KINDS, Column
from dlrun.data.tables.rows import TableRows
from dlrun.wording import printable

Floats = NDArray[np.float32]


def table_originals(
    columns: Sequence[Column],
    words: Mapping[str, Sequence[str]],
    parts: Mapping[str, TableRows],
    files: Mapping[str, Path],
) -> Originals:
    """Return the originals of a table: the cells of the columns that are features.

    words: the categories, texts and paths of images by column, in the order of the raw codes. parts: the rows of each
    file, which tell whether a row's number in it is known.
    """
    counted = {part: not (rows.num_skipped or rows.num_dropped or rows.num_left_out) for part, rows in parts.items()}

    def originals(part: str, rows: Rows, numbers: Sequence[int]) -> list[Original]:
        raw = rows[torch.tensor(numbers, dtype=torch.int64)].in_memory().numpy()  # (B, R)
        found = []
        for number, values in zip(numbers, raw, strict=True):
            cells = _cells(columns, words, values)
            images = [Path(cells[column.name]) for column in columns if column.kind == "image" and cells[column.name]]
            for column in columns:
                if column.kind == "image":  # its path says where the user's files are
                    cells[column.name] = Path(cells[column.name]).name
            place = f"row {number + 1} of {printable(files[part].name)}" if counted[part] else ""
            found.append(Original(place, cells=cells, image=images[0] if images else None))
        return found

    return originals


def _cells(columns: Sequence[Column], words: Mapping[str, Sequence[str]], values: Floats) -> dict[str, str]:
    cells, start = {}, 0
    for column in columns:
        own = values[start : start + column.width]
        start += column.width
        if np.isnan(own[0]):
            cells[column.name] = ""
        elif column.kind in WORD_KINDS:
            cells[column.name] = words[column.name][int(own[0])]
        elif column.kind == "boolean":
            cells[column.name] = "yes" if own[0] else "no"
        elif column.kind == "date":
            cells[column.name] = date_of(own)
        else:
            cells[column.name] = as_written(own[0])
    return cells


def date_of(parts: Floats) -> str:
    """Return year, month, day, weekday and hour as 2026-01-31, with the time unless it is midnight."""
    year, month, day, _, hour = (float(part) for part in parts)
    date = f"{year:04.0f}-{month:02.0f}-{day:02.0f}"
    minutes = round(hour * 60)
    return f"{date} {minutes // 60:02d}:{minutes % 60:02d}" if minutes else date
