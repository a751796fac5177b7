"""metrics.jsonl: one JSON object a line, each step once."""

from __future__ import annotations

import json
from pathlib import Path

from dlrun.durable import replace_file, storage_error
from dlrun.events import Listener, Row
from dlrun.progress import Progress


class MetricsFile(Listener):
    """Appends each row as it comes; rows after the step that a run goes on from are cut off first."""

    def __init__(self, path: Path, *, from_step: int | None = None) -> None:
        self._path = path
        if from_step is not None and path.exists():
            replace_file(path, "".join(f"{line}\n" for line in kept_rows(path, from_step)).encode())
        try:
            self._stream = path.open("a", encoding="utf-8")
        except OSError as error:
            raise storage_error(path, error) from error

    def on_step(self, progress: Progress, row: Row) -> None:
        self._write(row)

    def on_epoch(self, progress: Progress, row: Row) -> None:
        self._write(row)

    def _write(self, row: Row) -> None:
        try:
            self._stream.write(json.dumps(row) + "\n")
            self._stream.flush()
        except OSError as error:
            raise storage_error(self._path, error) from error

    def on_end(self, result: object) -> None:
        self._stream.close()


def kept_rows(path: Path, step: int) -> list[str]:
    """The lines of whole rows up to a step."""
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # the last line of a run that was killed while writing it
            continue
        if row["step"] <= step:
            kept.append(line)
    return kept
