"""A sweep while it runs: a live table on a terminal, plain lines in a pipe or CI, nothing with --quiet."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from dlrun.configuration.plan import Plan
from dlrun.report.sweeps.board import Board
from dlrun.report.sweeps.plain_lines import SweepLines
from dlrun.report.terminal import is_live
from dlrun.runs.sweeps.driver import Watch
from dlrun.runs.sweeps.jobs import Event


def make_watch(plans: Sequence[Plan], *, quiet: bool, num_points: int | None = None) -> AbstractContextManager[Watch]:
    """Return a context with what receives every event of a sweep; it writes to standard error.

    plans: of the points, where they are known before they begin. num_points: how many there will be; None if only time
    or the results decide.
    """
    if quiet:
        return nullcontext(_ignore)
    board = Board(num_points)
    if is_live(sys.stderr):
        from dlrun.report.sweeps.live import LiveTable

        return LiveTable(board, plans=[plan.point.words for plan in plans])
    return SweepLines(board, lambda line: print(line, file=sys.stderr, flush=True))


def _ignore(event: Event) -> None:
    del event
