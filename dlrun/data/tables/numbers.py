"""New rows of plain numbers, for datasets without an encoder of their own."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlrun.data.files.optional import import_optional
from dlrun.data.source import Encoded, Encoder
from dlrun.errors import DataError
from dlrun.wording import plural, printable


class NumbersEncoder(Encoder):
    """Reads rows of numbers from CSV, TSV, JSON lines, Parquet or .npy; a heading is skipped."""

    def __init__(self, width: int) -> None:
        self._width = width

    def state(self) -> dict[str, Any]:
        return {"width": self._width}

    def encode(self, path: Path) -> Encoded:
        ending = path.suffix.lower()
        try:
            if ending == ".npy":
                return Encoded(self._array(path))
            if ending == ".parquet":
                table = import_optional("pyarrow.parquet", extra="table", needed_by=str(path)).read_table(path)
                rows: Iterator[list[Any]] = (list(row.values()) for row in table.to_pylist())
                return Encoded(self._rows(path, enumerate(rows, start=1)))
            with path.open(encoding="utf-8-sig", newline="") as stream:
                if ending == ".jsonl":
                    return Encoded(self._rows(path, enumerate(map(_json_row, stream), start=1)))
                lines = csv.reader(stream, delimiter="\t" if ending == ".tsv" else ",")
                return Encoded(self._rows(path, ((lines.line_num, row) for row in lines), may_have_heading=True))
        except (OSError, ValueError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{printable(str(path))}: cannot be read as rows of numbers ({reason}).") from error

    def _array(self, path: Path) -> Tensor:
        array = np.load(path, allow_pickle=False)
        if array.ndim != 2 or array.shape[1] != self._width or array.dtype.kind not in "fiub":
            raise DataError(
                f"{printable(str(path))}: expected numbers of shape (rows, {self._width}), got {array.dtype} "
                f"of shape {array.shape}."
            )
        return torch.from_numpy(array.astype(np.float32))

    def _rows(self, path: Path, rows: Iterator[tuple[int, list[Any]]], *, may_have_heading: bool = False) -> Tensor:
        found: list[list[float]] = []
        for line, row in rows:
            if not row:
                continue
            where = f"{printable(str(path))}: line {line}"
            if may_have_heading and not found and not any(map(_is_number, row)):
                may_have_heading = False
                continue
            if len(row) != self._width:
                raise DataError(f"{where}: expected {plural(self._width, 'number')}, got {plural(len(row), 'value')}.")
            for column, value in enumerate(row, start=1):
                if not _is_number(value):
                    raise DataError(f'{where}, column {column}: expected a number, got "{printable(str(value))}".')
            found.append([float(value) for value in row])
        return torch.tensor(found, dtype=torch.float32).reshape(len(found), self._width)


def _json_row(line: str) -> list[Any]:
    row = json.loads(line)
    if not isinstance(row, list | dict):
        raise ValueError(f"expected a list or a mapping on each line, got {printable(line)}")
    return list(row.values()) if isinstance(row, dict) else row


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
