"""Small tables that are part of dlrun; `dlrun/data/bundled/SOURCES.md` lists their sources."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from importlib import resources

import numpy as np
import torch
from numpy.typing import NDArray

from dlrun.data.originals import Original, as_written
from dlrun.data.source import Originals, Rows


def bundled_names() -> list[str]:
    """Return the names of the tables."""
    found = (resources.files("dlrun.data") / "bundled").iterdir()
    return sorted(entry.name.removesuffix(".csv.gz") for entry in found if entry.name.endswith(".csv.gz"))


def read_table(name: str) -> NDArray[np.float64]:
    """Return the rows of a bundled table, features first and the target last, (N, F + 1) float64."""
    packed = (resources.files("dlrun.data") / "bundled" / f"{name}.csv.gz").read_bytes()
    text = gzip.decompress(packed).decode("ascii")
    header, rows = text.split("\n", 1)
    columns = header.count(",") + 1
    return np.fromstring(rows.replace("\n", ","), sep=",", dtype=np.float64).reshape(-1, columns)


def column_names(name: str) -> list[str]:
    """Return the names in a bundled table's first line."""
    packed = (resources.files("dlrun.data") / "bundled" / f"{name}.csv.gz").read_bytes()
    return gzip.decompress(packed).decode("ascii").split("\n", 1)[0].split(",")


def feature_names(name: str, width: int) -> list[str]:
    """Return the names of a bundled table's features; empty for another dataset, or one of another width."""
    names = column_names(name)[:-1] if name in bundled_names() else []  # the last one is the target
    return names if len(names) == width else []


def named_originals(name: str) -> Originals:
    """Return the originals of a bundled table: its numbers with their names."""

    def originals(part: str, rows: Rows, numbers: Sequence[int]) -> list[Original]:
        del part
        found = rows[torch.tensor(numbers, dtype=torch.int64)].in_memory().tolist()  # (B, F)
        return [Original(cells=dict(zip(column_names(name), map(as_written, row), strict=False))) for row in found]

    return originals
