"""metrics.jsonl: one JSON object per line, each step once."""

from __future__ import annotations

import json
import os
from pathlib import Path

from dlrun.storage import disk as system
from dlrun.storage.atomic import replace_file, storage_error, write_all
from dlrun.tasks.progress import Listener, Progress, Row


class MetricsFile(Listener):
    """Appends each row. A resumed run first removes the rows after the step it resumes from.

    A run that starts again, because it was killed before its first checkpoint, removes all rows.
    """

    def __init__(self, path: Path, *, from_step: int | None = None) -> None:
        self._path = path
        if path.exists():
            rows = [] if from_step is None else rows_until(path, from_step)
            replace_file(path, "".join(f"{line}\n" for line in rows).encode())
        try:
            self._handle: int | None = system.disk.append(path)
        except OSError as error:
            raise storage_error(path, error) from error

    def on_step(self, progress: Progress, row: Row) -> None:
        self._write(row)

    def on_epoch(self, progress: Progress, row: Row) -> None:
        self._write(row)

    def _write(self, row: Row) -> None:
        if self._handle is None:
            return
        try:
            write_all(self._handle, (json.dumps(row) + "\n").encode())
        except OSError as error:
            raise storage_error(self._path, error) from error

    def on_end(self, result: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def rows_until(path: Path, step: int) -> list[str]:
    """Return the lines of whole rows, up to and including a step."""
    lines = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # the last line of a run that was killed while writing it
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int | float) and row["step"] <= step:
            lines.append(line)
    return lines
