"""The rows of points that could not tell their end themselves."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from dlrun.runs.sweeps.engines.local.processes import Worker
from dlrun.runs.sweeps.jobs import Point
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.wording import escape_controls

_SHOWN_LINES = 6
_NOTICE = "notice: "


def row_of_death(point: Point, worker: Worker, printed: str) -> SweepRow:
    """Return the row of a point whose process ended without a word. printed: the end of what the process printed."""
    process, status = "Its process", worker.status
    if status is None and worker.nursery.status is not None and not worker.has_begun:
        process, status = "The process that loads its data", worker.nursery.status
    parts = [f"{process} {how_it_ended(status)}."]
    if (point.folder / "checkpoints" / "last").is_file():
        parts.append("dlrun resume continues the run from its last checkpoint.")
    lines = [line for line in printed.splitlines() if line.strip() and not line.startswith(_NOTICE)]
    if lines:
        parts.append(f"It printed last: {escape_controls(' / '.join(_shown(lines)))}")
    where, device = str(point.folder), worker.device or ""
    error = " ".join(parts)
    return SweepRow(point.number, point.overrides, "failed", run_dir=where, error=error, exit_code=1, device=device)


def row_of_waiting(point: Point, reason: str) -> SweepRow:
    """Return the row of a point that was stopped before it began."""
    return SweepRow(point.number, point.overrides, "interrupted", run_dir=str(point.folder), error=reason)


def repeat_notices(printed: str, told: set[str]) -> None:
    """Print the notices among what a process printed, on standard error, except those that were told before."""
    for line in printed.splitlines():
        if line.startswith(_NOTICE) and line not in told:
            told.add(line)
            print(line, file=sys.stderr)  # noqa: T201


def how_it_ended(status: int | None) -> str:
    """Return in words how a process ended. status: its exit code, or minus a signal; None if it is unknown."""
    if status is None:
        return "ended, and nothing is left that knows how: the process it was forked from ended too"
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        name = f" ({signal.Signals(-status).name})"
    except ValueError:  # a real-time signal
        name = ""
    perhaps = ", perhaps because memory ran out" if -status == signal.SIGKILL else ""
    return f"was killed by signal {-status}{name}{perhaps}"


def _shown(lines: Sequence[str]) -> Sequence[str]:
    """The first lines of Python's report of a crash, or the last lines of anything else."""
    start = next((number for number, line in enumerate(lines) if line.startswith("Fatal Python error")), None)
    return lines[-_SHOWN_LINES:] if start is None else lines[start : start + _SHOWN_LINES]
