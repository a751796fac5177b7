"""Plain lines about a sweep while it runs, for pipes and CI: one for each point that ended."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from dlrun.report.sweeps.board import Board, PointState
from dlrun.runs.sweeps.jobs import Ended, Event, Measured
from dlrun.wording import count, duration, escape_controls, number, plural, printable

_INTERVAL_S = 30.0  # between two lines about points that are still running
_MOST_RUNNING = 3  # running points that such a line names
_REASON = 200  # characters


class SweepLines:
    """Writes a line for each point that ended, and one now and then while points take long."""

    def __init__(self, board: Board, write_line: Callable[[str], None], *, interval_s: float = _INTERVAL_S) -> None:
        self._board, self._write_line, self._interval_s = board, write_line, interval_s
        self._written_at = board.clock()
        self._told_before = 0

    def __enter__(self) -> SweepLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell_before()

    def __call__(self, event: Event) -> None:
        """Take an event of the sweep."""
        state = self._board.take(event)
        if isinstance(event, Ended) and state.submitted_at is None and not event.row.reused:
            self._told_before += 1
            return
        self._tell_before()
        if isinstance(event, Ended):
            self._write(ended_line(self._board, state))
        elif isinstance(event, Measured) and self._board.clock() - self._written_at >= self._interval_s:
            self._write(running_line(self._board))

    def _tell_before(self) -> None:
        """Tell once of the points that were done before."""
        if self._told_before:
            best = "" if self._board.best is None else f"; best {metric_text(self._board.best)}"
            if self._board.best is not None:
                best += f" ({settings_text(self._board.best)})"
            self._write(f"{plural(self._told_before, 'point')} done before{best}")
            self._told_before = 0

    def _write(self, line: str) -> None:
        self._written_at = self._board.clock()
        self._write_line(escape_controls(line))


def settings_text(state: PointState) -> str:
    """Return what differs from the other points, as the user would type it."""
    return printable(" ".join(state.overrides), limit=400) or f"point {state.number}"


def metric_text(state: PointState) -> str:
    """Return the best metric of a point with its name; empty if it was not evaluated."""
    return "" if state.metric is None else f"{printable(state.metric)} {number(state.best)}"


def ended_line(board: Board, state: PointState) -> str:
    """Return the line of a point that ended: how many have, its settings, metric, time, and what went wrong."""
    of = "" if board.num_points is None else f"/{board.num_points}"
    parts = [settings_text(state), metric_text(state), duration(state.seconds) if state.seconds else ""]
    if state.status != "completed":
        parts.append(state.status if not state.error else f"{state.status}: {reason_text(state)}")
    elif board.best is state:
        parts.append("← best so far")
    return f"[{board.num_ended}{of}] {'  '.join(part for part in parts if part)}"


def reason_text(state: PointState) -> str:
    """Return the first line of what ended a point."""
    return printable((state.error or "").strip().partition("\n")[0], limit=_REASON)


def running_line(board: Board) -> str:
    """Return a line about the points that are running."""
    told = []
    for state in list(board.running.values())[:_MOST_RUNNING]:
        share = "" if state.share is None else f" {100 * state.share:.0f} %"
        epoch = "" if state.epoch is None else f" epoch {state.epoch}"
        told.append(f"{settings_text(state)}{share}{epoch} {metric_text(state)}".rstrip())
    rest = len(board.running) - len(told)
    more = f"; {rest} more" if rest else ""
    return f"{len(board.running)} running: {'; '.join(told)}{more}{time_text(board)}"


def time_text(board: Board) -> str:
    """Return the rate and the time left, each with a comma before it, as far as they are known."""
    rate, left = board.points_per_minute(), board.seconds_left()
    text = "" if rate is None else f", {rate_text(rate)}"
    return text if left is None else f"{text}, {duration(left)} left"


def rate_text(rate: float) -> str:
    """Return points a minute."""
    return f"{count(rate) if rate >= 10 else f'{rate:.2g}'} points/min"
