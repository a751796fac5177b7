"""Write a table of predictions: CSV, TSV, JSON Lines or Parquet. The file is complete or not written at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem
from dlrun.report.csv_table import without_formula
from dlrun.storage.atomic import replace_by_pieces
from dlrun.storage.json_values import readable_json
from dlrun.storage.output_file import check_output_file
from dlrun.wording import printable

Columns = Mapping[str, list[Any]]
"""From each heading to its values, one per row."""

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")


def check_target(path: Path, source: Path | None) -> Path:
    """Return the path of the file to write. An existing file is replaced, unless it is the input, if there is one.

    Raises ConfigError when it is the input, its folder does not exist, or its ending is not a known format.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(Problem(f"-o {printable(str(path))}", f"Expected a file ending in {', '.join(ENDINGS)}."))
    check_output_file(path, source=source, what="the predictions")
    return path


def write(path: Path, chunks: Iterable[Columns]) -> int:
    """Write the chunks in the format of the file's ending, one at a time; returns the number of rows.

    Raises StorageError naming the file, and any error of reading the chunks; the file is then unchanged.
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
    """Yield lines under one heading. A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    for number, columns in enumerate(chunks):
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        if not number:
            writer.writerow([without_formula(name) for name in columns])
        writer.writerows([without_formula(value) for value in row] for row in zip(*columns.values(), strict=True))
        yield stream.getvalue()


def _as_jsonl(chunks: Iterable[Columns]) -> Iterator[str]:
    for columns in chunks:
        rows = zip(*columns.values(), strict=True)
        yield "".join(f"{readable_json(dict(zip(columns, row, strict=True)))}\n" for row in rows)


def as_json(chunks: Iterable[Columns]) -> Iterator[str]:
    """Yield the pieces of a JSON list with an object for each row."""
    separator = "["
    for lines in _as_jsonl(chunks):
        for line in lines.splitlines():
            yield f"{separator}\n  {line}"
            separator = ","
    yield "\n]\n" if separator == "," else "[]\n"


def _as_parquet(chunks: Iterable[Columns]) -> Iterator[bytes]:
    pyarrow, parquet = (
        import_optional(module, extra="table", needed_by="-o FILE.parquet") for module in ("pyarrow", "pyarrow.parquet")
    )
    sink, writer, schema = _Pieces(), None, None
    for columns in chunks:
        if writer is None:
            fields = pyarrow.table(dict(columns)).schema
            text = pyarrow.string()  # a column without a value so far: the next chunk may have one
            schema = pyarrow.schema([(f.name, text if f.type == pyarrow.null() else f.type) for f in fields])
            writer = parquet.ParquetWriter(sink, schema)
        writer.write_table(pyarrow.table(dict(columns), schema=schema))
        yield sink.taken()
    if writer is not None:
        writer.close()
    yield sink.taken()


class _Pieces(io.RawIOBase):
    """A file in memory whose content is taken piece by piece."""

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
        """Return what was written since the last call."""
        content = bytes(self._content)
        self._before += len(content)
        self._content.clear()
        return content
