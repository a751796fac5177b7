"""A table of predictions as a file: CSV, TSV, JSON lines or Parquet, there whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.data.extras import need
from dlrun.durable import replace_file
from dlrun.errors import ConfigError, Problem
from dlrun.fields import printable

Columns = Mapping[str, list[Any]]
"""Headings to the values of each row."""

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def check_target(path: Path, source: Path) -> Path:
    """The file that predictions go to; one that is there already is replaced, unless it is the input.

    Raises ConfigError when it is the input or has an ending of no known format.
    """
    where = f"-o {printable(str(path))}"
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(Problem(where, f"Expected a file ending in {', '.join(ENDINGS)}."))
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(Problem(where, "Expected a file in a folder that is there."))
    if path.exists() and source.exists() and path.samefile(source):
        raise ConfigError(Problem(where, "This is the input; name another file for the predictions."))
    return path


def write(path: Path, columns: Columns) -> None:
    """Write the file in the format of its ending.

    Raises StorageError naming it.
    """
    ending = path.suffix.lower()
    if ending == ".parquet":
        content = _as_parquet(columns)
    elif ending == ".jsonl":
        content = _as_jsonl(columns).encode()
    else:
        content = as_csv(columns, delimiter="\t" if ending == ".tsv" else ",").encode()
    replace_file(path, content)


def as_csv(columns: Columns, *, delimiter: str = ",") -> str:
    """Lines under a heading. A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow([_cell(name) for name in columns])
    writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return stream.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _as_jsonl(columns: Columns) -> str:
    rows = zip(*columns.values(), strict=True)
    return "".join(
        json.dumps({name: _finite(value) for name, value in zip(columns, row, strict=True)}, ensure_ascii=False) + "\n"
        for row in rows
    )


def _finite(value: Any) -> Any:
    """JSON has no word for what is not a number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_parquet(columns: Columns) -> bytes:
    pyarrow, parquet = need("pyarrow", extra="table"), need("pyarrow.parquet", extra="table")
    stream = io.BytesIO()
    parquet.write_table(pyarrow.table(dict(columns)), stream)
    return stream.getvalue()
