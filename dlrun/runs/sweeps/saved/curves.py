"""Learning curves of runs, from `metrics.jsonl`: thinned while they are read, so that long ones cost no memory."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dlrun.runs.history import is_number

MOST_VERTICES = 240  # of a curve
MOST_BYTES = 64 << 20  # read of one file
_PLACES = ("step", "epoch", "seconds")
_MOST_METRICS = 60  # of a run
_NUM_PIECES = 64  # read of a file that is too long to be read whole
_MOST_LINE = 1 << 20  # bytes of a line
_FEW_BYTES = 2 << 20  # of a larger file some lines without an evaluation are skipped


@dataclass
class Curve:
    """A metric over the training: pairs of (epoch, step, value), thinned.

    Of two neighbours the one farther from what was kept before stays, so that spikes stay too; the last always stays.
    """

    most: int = MOST_VERTICES
    _kept: list[tuple[float, float, float]] = field(default_factory=list)
    _stride: int = 1
    _waiting: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, epoch: float, step: float, value: float) -> None:
        """Take the next vertex."""
        self._waiting.append((epoch, step, value))
        if len(self._waiting) < self._stride:
            return
        self._kept.append(_farthest(self._waiting, self._kept[-1][2] if self._kept else None))
        self._waiting = []
        if len(self._kept) > self.most:
            self._kept = _halved(self._kept)
            self._stride *= 2

    def vertices(self, most: int | None = None) -> list[tuple[float, float, float]]:
        """Return the curve with at most about `most` vertices, its first and last among them."""
        found = self._kept + self._waiting[-1:]
        while most is not None and len(found) > max(most, 2):
            last, found = found[-1], _halved(found[:-1])
            found.append(last)
            if len(found) <= 3:
                break
        return found


@dataclass(frozen=True)
class Curves:
    """The curves of a run by metric (split/name), and whether only parts of the file were read."""

    by_metric: dict[str, Curve] = field(default_factory=dict)
    is_sampled: bool = False


def read_curves(
    run: Path, *, most: int = MOST_VERTICES, only: Container[str] | None = None, most_bytes: int = MOST_BYTES
) -> Curves | None:
    """Return the curves of the run in a folder; None if it has no file of metrics that can be read.

    most: vertices of a curve. only: the metrics to read; None: all. most_bytes: to read; of a longer file, pieces all
    over it. A link is not followed.
    """
    try:
        handle = os.open(run / "metrics.jsonl", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with open(handle, "rb") as stream:
        size = os.fstat(handle).st_size
        found = Curves(is_sampled=size > most_bytes)
        lines = _pieces(stream, size, most_bytes) if size > most_bytes else _lines(stream, size)
        for row in _rows(lines, max(1, min(size, most_bytes) // _FEW_BYTES)):
            _take(row, found.by_metric, most, only)
    return found


def _lines(stream: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield lines until `most` bytes are read."""
    while most > 0 and (line := stream.readline(_MOST_LINE)):
        most -= len(line)
        yield line


def _pieces(stream: IO[bytes], size: int, most: int) -> Iterator[bytes]:
    """Yield whole lines of pieces that lie evenly between a file's start and its end."""
    for number in range(_NUM_PIECES):
        start = number * (size - most // _NUM_PIECES) // (_NUM_PIECES - 1)
        stream.seek(start)
        if start:
            stream.readline(_MOST_LINE)  # the rest of a line
        yield from _lines(stream, most // _NUM_PIECES)


def _rows(lines: Iterable[bytes], skip: int) -> Iterator[dict[str, Any]]:
    """Yield rows; of those without an evaluation every `skip`-th."""
    number = 0
    for line in lines:
        if skip > 1 and b'"val/' not in line:
            number += 1
            if (number - 1) % skip:
                continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # the last line of a run that was killed, or no row at all
            continue
        if isinstance(row, dict):
            yield row


def _take(row: dict[str, Any], curves: dict[str, Curve], most: int, only: Container[str] | None) -> None:
    step, epoch = row.get("step"), row.get("epoch")
    if not is_number(step):
        return
    for name, value in row.items():
        if name in _PLACES or not is_number(value) or (only is not None and name not in only):
            continue
        if name not in curves:
            if len(curves) == _MOST_METRICS:
                continue
            curves[name] = Curve(most)
        curves[name].add(float(epoch) if is_number(epoch) else 0.0, float(step), float(value))  # type: ignore[arg-type]


def _farthest(vertices: list[tuple[float, float, float]], before: float | None) -> tuple[float, float, float]:
    """Return the vertex whose value is farthest from the one before; the last of equals."""
    if before is None:
        return vertices[0]
    return max(reversed(vertices), key=lambda vertex: abs(vertex[2] - before))


def _halved(vertices: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Keep one of every two vertices, and the first."""
    kept = vertices[:1]
    for number in range(1, len(vertices), 2):
        kept.append(_farthest(vertices[number : number + 2], kept[-1][2]))
    return kept
