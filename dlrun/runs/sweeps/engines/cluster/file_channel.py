"""How a sweep and its jobs on other machines talk: through files of JSON lines in the sweep's folder.

Each file has one writer, which only ever appends, and is opened anew for each access: a network file system shows other
machines what was written when the file was closed. A line that was cut off, by a kill or a delay, is not read.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.runs.sweeps.jobs import Ended, Event, Measured, Started
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.storage.json_lines import append_line, read_line

_EVERY_JOB = -1  # in place of a point's number
_ORDERS_AGE_S = 0.2  # how old what a job knows of its orders may be


class LineReader:
    """Returns each whole line of a growing file once."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0

    def read(self) -> list[dict[str, Any]]:
        """Return the lines that were added; none while the file cannot be reached."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                content = stream.read()
        except OSError:  # not there yet, or a handle that the file server no longer knows: the next call sees it
            return []
        whole, newline, _ = content.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [line for line in map(read_line, whole.split(b"\n")) if line is not None]


def encode_event(event: Event) -> dict[str, Any]:
    """Return an event as the content of a line."""
    return {"event": type(event).__name__, **dataclasses.asdict(event)}


def decode_event(content: Mapping[str, Any]) -> Event:
    """Return the event of a line that `encode_event` made."""
    kind, values = content["event"], {name: value for name, value in content.items() if name != "event"}
    if kind == "Ended":
        return Ended(SweepRow(**values["row"]))
    return Started(**values) if kind == "Started" else Measured(**values)


class OrderReader:
    """Why points should stop, read from a file a few times a second at most."""

    def __init__(self, orders: Path) -> None:
        self._lines = LineReader(orders)
        self._reasons: dict[int, str] = {}
        self._read_at = -_ORDERS_AGE_S

    def reason(self, point: int) -> str | None:
        """Return why a point should stop; None if it should not."""
        now = time.monotonic()
        if now - self._read_at >= _ORDERS_AGE_S:
            self._read_at = now
            for order in self._lines.read():
                self._reasons.setdefault(int(order["point"]), str(order["reason"]))
        return self._reasons.get(point, self._reasons.get(_EVERY_JOB))


class FileChannel:
    """The end of a job (a Channel): tells events in a file of its own, reads orders in one of the sweep's.

    where: what a Started event says of the machine first, such as "node7, SLURM job 12".
    """

    def __init__(self, events: Path, orders: Path, *, where: str) -> None:
        self._events, self._orders, self._where = events, OrderReader(orders), where

    def report(self, event: Event) -> None:
        """Tell what happened. Raises StorageError if it cannot be written."""
        if isinstance(event, Started):
            event = dataclasses.replace(event, where=", ".join(filter(None, (self._where, event.where))))
        append_line(self._events, encode_event(event))

    def stop_reason(self, point: int) -> str | None:
        """Return why a point should stop; None if it should not."""
        return self._orders.reason(point)


def order_stop(orders: Path, reason: str, *, point: int | None = None) -> None:
    """Ask a point, or every job that reads these orders, to save and stop."""
    append_line(orders, {"point": _EVERY_JOB if point is None else point, "reason": reason})
