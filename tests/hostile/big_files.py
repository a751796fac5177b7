"""Hostile files that are too large to keep: written by the test that tries them."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLE = ("dataset=table", "dataset.path={file}", "dataset.target=y", "model=linear")
_TEXT = ("dataset=text", "dataset.path={file}")
_ARRAYS = ("dataset=arrays", "dataset.path={file}", "dataset.targets=t.npy")


@dataclass(frozen=True)
class BigFile:
    """How a file is written, with which words it is tried, and the exit code."""

    write: Callable[[Path], object]
    words: tuple[str, ...]
    code: int


def _sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 42)


def _columns(path: Path) -> None:
    heads = ",".join(f"c{number}" for number in range(300_000))
    path.write_text(f"{heads},y\n" + ("1," * 300_000 + "1\n") * 2)


def _archive(path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (400000000, 1), }"
    head = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("inputs.npy", "w") as entry:
        entry.write(head)
        for _ in range(400):
            entry.write(b"\0" * 1_000_000)


def _gzip(path: Path) -> None:
    packed = io.BytesIO()
    with gzip.open(packed, "wb") as stream:
        for _ in range(300):
            stream.write(b"x" * 1_000_000)
    path.write_bytes(packed.getvalue())


FILES: Mapping[str, BigFile] = {
    "one_line.csv": BigFile(lambda path: path.write_bytes(b"x,y\n" + b"1" * 100_000_000 + b",1\n"), _TABLE, 3),
    "one_quote.csv": BigFile(lambda path: path.write_bytes(b'x,y\n"' + b"a\n" * 20_000_000), _TABLE, 3),
    "columns.csv": BigFile(_columns, _TABLE, 3),
    "sparse.csv": BigFile(_sparse, _TABLE, 3),
    "sparse.txt": BigFile(_sparse, (*_TEXT, "dataset.task=language"), 3),
    "sparse.npy": BigFile(_sparse, _ARRAYS, 3),
    "sparse.safetensors": BigFile(_sparse, ("dataset=arrays", "dataset.path={file}"), 3),
    "zeros.npz": BigFile(_archive, ("dataset=arrays", "dataset.path={file}"), 3),
    "packed.gz": BigFile(_gzip, _TABLE, 3),
    "a_megabyte.yaml": BigFile(lambda path: path.write_text("# " + "x" * 1_000_000), ("recipe=./{file}",), 2),
    "values.yaml": BigFile(lambda path: path.write_text("seed: [" + "1," * 30_000 + "1]"), ("recipe=./{file}",), 2),
    "keys.yaml": BigFile(
        lambda path: path.write_text("\n".join(f"k{number}: 1" for number in range(6_000))), ("recipe=./{file}",), 2
    ),
    "lists.yaml": BigFile(lambda path: path.write_text("a: " + "[" * 30_000), ("recipe=./{file}",), 2),
    "blocks.yaml": BigFile(
        lambda path: path.write_text("\n".join(" " * depth + "a:" for depth in range(300))), ("recipe=./{file}",), 2
    ),
    "points.yaml": BigFile(
        lambda path: path.write_text(
            f"sweep: {{seed: {list(range(1000))}, trainer.epochs: {list(range(1, 1001))}}}"
        ),
        ("-m", "recipe=./{file}"),
        2,
    ),
}  # fmt: skip


def write_all(jail: Path) -> list[dict[str, Any]]:
    """Write every file into the jail, and return a command that reads each."""
    for name, each in FILES.items():
        each.write(jail / name)
    return [
        {"name": name, "argv": [word.replace("{file}", name) for word in each.words]} for name, each in FILES.items()
    ]
