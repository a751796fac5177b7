"""The delimiter of a CSV, found in its first lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

_DELIMITERS = (",", ";", "\t", "|")
_LINES = 20
_LONGEST = 1 << 20  # characters of a line that is looked at: thousands of columns have so many


def sniffed(stream: Any) -> str:
    """Return the delimiter that divides most of the first lines into equally many cells, the more the better."""
    lines = [line for line in _first_lines(stream) if line.strip()]
    found = {}
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        most = max(set(widths), key=widths.count) if widths else 1
        found[delimiter] = (widths.count(most) if most > 1 else 0, most)
    return max(found, key=lambda delimiter: found[delimiter])


def _first_lines(stream: Any) -> Iterator[str]:
    """Yield those of the first lines that are not too long to be looked at."""
    for _ in range(_LINES):
        line = rest = stream.readline(_LONGEST)
        while rest and not rest.endswith("\n"):
            rest = stream.readline(_LONGEST)
        if len(line) < _LONGEST:
            yield line
