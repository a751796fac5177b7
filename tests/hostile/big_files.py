"""Hostile files that are too large to keep: written by the test that tries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


FILES: Mapping[str, BigFile] = {
    "sparse.npy": BigFile(_sparse, _ARRAYS, 3),
    "sparse.safetensors": BigFile(_sparse, ("dataset=arrays", "dataset.path={file}"), 3),
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
