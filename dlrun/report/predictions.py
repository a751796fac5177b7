"""A table of predictions as a file: CSV, TSV, JSON lines or Parquet, there whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem
from dlrun.storage.atomic import replace_by_pieces
from dlrun.wording import printable

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


def write(path: Path, chunks: Iterable[Columns]) -> int:
    """Write the file in the format of its ending, while the rows come; returns how many there are.

    Raises StorageError naming it, and what reading the rows raises; the file is then as it was before.
    """
    num_rows = 0

    def counted() -> Iterator[Columns]:
        nonlocal num_rows
        for columns in chunks:
            num_rows += len(next(iter(columns.values())))
            yield columns

    ending = path.suffix.lower()
    if ending == ".parquet":
        replace_by_pieces(path, _as_parquet(counted()))
    else:
        delimiter = "\t" if ending == ".tsv" else ","
        lines = _as_jsonl(counted()) if ending == ".jsonl" else as_csv(counted(), delimiter=delimiter)
        replace_by_pieces(path, (text.encode() for text in lines))
    return num_rows


def as_csv(chunks: Iterable[Columns], *, delimiter: str = ",") -> Iterator[str]:
    """Lines under a heading. A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    for number, columns in enumerate(chunks):
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        if not number:
            writer.writerow([_cell(name) for name in columns])
        writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
        yield stream.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _as_jsonl(chunks: Iterable[Columns]) -> Iterator[str]:
    for columns in chunks:
        rows = zip(*columns.values(), strict=True)
        yield "".join(
            json.dumps({name: _finite(value) for name, value in zip(columns, row, strict=True)}, ensure_ascii=False)
            + "\n"
            for row in rows
        )


def _finite(value: Any) -> Any:
    """JSON has no word for what is not a number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_parquet(chunks: Iterable[Columns]) -> Iterator[bytes]:
    pyarrow, parquet = (
        import_optional(module, extra="table", needed_by="-o FILE.parquet") for module in ("pyarrow", "pyarrow.parquet")
    )
    sink, writer, schema = _Pieces(), None, None
    for columns in chunks:
        if writer is None:
            fields = pyarrow.table(dict(columns)).schema
            text = pyarrow.string()  # what has no value yet may have one in the next chunk
            schema = pyarrow.schema([(f.name, text if f.type == pyarrow.null() else f.type) for f in fields])
            writer = parquet.ParquetWriter(sink, schema)
        writer.write_table(pyarrow.table(dict(columns), schema=schema))
        yield sink.taken()
    if writer is not None:
        writer.close()
    yield sink.taken()


class _Pieces(io.RawIOBase):
    """Takes what is written, to be handed on."""

    def __init__(self) -> None:
        super().__init__()
        self._content = bytearray()
        self._before = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._content += content
        return len(memoryview(content))

    def tell(self) -> int:
        return self._before + len(self._content)

    def taken(self) -> bytes:
        """What was written since this was asked last."""
        content = bytes(self._content)
        self._before += len(content)
        self._content.clear()
        return content
