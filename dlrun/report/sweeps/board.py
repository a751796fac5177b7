"""What is known of a sweep while it runs: its points in order of their best metric, its rate and the time left.

An event costs a search in a sorted list and a shift of its end: microseconds at 1,000 points.
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlrun.runs.sweeps.jobs import Ended, Event, Measured, Started, Submitted
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.tasks.metric_names import is_higher_better

QUEUED, RUNNING = "queued", "running"  # the states of a point that has not ended; others are a row's status

Rank = tuple[int, float, int]
"""The order of a point: number of its metric, its best value (negative where higher is better), number of the point."""


@dataclass
class PointState:
    """What is known of a point. newest, best: of the metric that selects the best checkpoint."""

    number: int
    overrides: Sequence[str]
    status: str = QUEUED
    metric: str | None = None
    newest: float | None = None
    best: float | None = None
    epoch: int | None = None
    step: int | None = None
    total_steps: int | None = None
    seconds: float = 0.0
    submitted_at: float | None = None  # on the board's clock; None: it was done before
    began_at: float | None = None
    error: str | None = None
    ended: bool = False
    rank: Rank | None = None

    @property
    def share(self) -> float | None:
        """How much of its steps is done, 0 to 1; None if it is not known."""
        if not self.total_steps or self.step is None:
            return None
        return min(1.0, self.step / self.total_steps)


@dataclass
class Board:
    """The points of a sweep.

    num_points: how many there will be; None if only time or the results decide.
    """

    num_points: int | None
    clock: Callable[[], float] = time.monotonic
    points: dict[int, PointState] = field(default_factory=dict)
    ranking: list[Rank] = field(default_factory=list)  # best first
    running: dict[int, PointState] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)  # ended without a metric to rank them by, in the order they ended
    counts: Counter[str] = field(default_factory=Counter)  # of the points that ended, by status
    keys: dict[str, None] = field(default_factory=dict)  # what is swept, in the order of the command line
    metrics: dict[str, int] = field(default_factory=dict)
    newest_failure: PointState | None = None
    _began_at: float | None = None
    _ended_here: int = 0
    _most_at_once: int = 1  # points that ran at the same time
    _busy_s: float = 0.0  # sum over the points that ended here, from submission to end

    def take(self, event: Event) -> PointState:
        """Note an event; return the point that it is about."""
        if isinstance(event, Ended):
            return self._end(event.row)
        state = self._state(event.point, event.overrides if isinstance(event, Submitted) else ())
        now = self.clock()
        if isinstance(event, Submitted):
            self._began_at = now if self._began_at is None else self._began_at
            self._forget_end(state)
            state.status, state.submitted_at = QUEUED, now
            self.running[state.number] = state
            self._most_at_once = max(self._most_at_once, len(self.running))
        elif isinstance(event, Started):
            state.status, state.began_at = RUNNING, now
        elif isinstance(event, Measured):
            state.epoch, state.step, state.total_steps = event.epoch, event.step, event.total_steps
            state.seconds = event.seconds
            if event.best is not None:
                self._rank(state, event.best)
                state.newest = event.metrics.get(str(event.best["metric"]), state.newest)
        return state

    @property
    def best(self) -> PointState | None:
        """The best point so far."""
        return self.points[self.ranking[0][2]] if self.ranking else None

    @property
    def num_ended(self) -> int:
        """How many points have ended, whatever their end."""
        return sum(self.counts.values())

    @property
    def num_waiting(self) -> int | None:
        """How many points have not begun; None if it is not known."""
        return None if self.num_points is None else max(0, self.num_points - self.num_ended - len(self.running))

    def points_per_minute(self) -> float | None:
        """Return how many points ended here a minute; None before the first."""
        if not self._ended_here or self._began_at is None:
            return None
        elapsed = self.clock() - self._began_at
        return 60 * self._ended_here / elapsed if elapsed > 0 else None

    def seconds_left(self) -> float | None:
        """Return the time left: the mean time of a point that ended here, for those waiting, as many at once as so far.

        None before the first ended, or if it is not known how many there will be.
        """
        waiting = self.num_waiting
        if waiting is None or not self._ended_here or not self.running:
            return None
        mean, now = self._busy_s / self._ended_here, self.clock()
        rests = []
        for state in self.running.values():
            spent = now - (state.submitted_at if state.submitted_at is not None else now)
            rests.append(max(0.0, mean - spent) if state.share is None else mean * (1 - state.share))
        return max(max(rests), (mean * waiting + sum(rests)) / self._most_at_once)

    def _state(self, number: int, overrides: Sequence[str]) -> PointState:
        state = self.points.setdefault(number, PointState(number, overrides))
        if overrides:
            state.overrides = overrides
            self.keys.update(dict.fromkeys(word.partition("=")[0] for word in overrides))
        return state

    def _end(self, row: SweepRow) -> PointState:
        state = self._state(row.point, row.overrides)
        self._forget_end(state)
        state.status = "reused" if row.reused else row.status
        state.ended, state.error, state.seconds = True, row.error, row.seconds or state.seconds
        self.running.pop(state.number, None)
        self.counts[state.status] += 1
        if state.submitted_at is not None:  # else it was done before this sweep began or went on
            self._ended_here += 1
            self._busy_s += self.clock() - state.submitted_at
        if row.best is not None:
            self._rank(state, row.best)
            state.epoch = state.epoch or int(row.best["epoch"])
        if state.rank is None:
            self.others.append(state.number)
        if state.status in ("failed", "diverged"):
            self.newest_failure = state
        return state

    def _forget_end(self, state: PointState) -> None:
        """Take back an earlier end of a point that begins again or has a newer row."""
        if state.ended:
            self.counts[state.status] -= 1
            self.others = [number for number in self.others if number != state.number]
            state.ended = False

    def _rank(self, state: PointState, best: Mapping[str, Any]) -> None:
        """Put a point in its place; one whose best is not a number, or not known to be good high or low, has none."""
        state.metric, state.best = str(best["metric"]), float(best["value"])
        higher = is_higher_better(state.metric, {"best": best})
        rank = None
        if higher is not None and state.best == state.best:
            metric = self.metrics.setdefault(state.metric, len(self.metrics))
            rank = (metric, -state.best if higher else state.best, state.number)
        if rank == state.rank:
            return
        if state.rank is not None:
            del self.ranking[bisect_left(self.ranking, state.rank)]
        if rank is not None:
            insort(self.ranking, rank)
        state.rank = rank
