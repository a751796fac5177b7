"""The loop of a sweep: ask the search for points, give them to the engine, and keep a row of each in `sweep.jsonl`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from dlrun.errors import Interrupted
from dlrun.runs.sweeps.engines.engine import Engine
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.jobs import Ended, Event, Job, Measured, Point, Submitted
from dlrun.runs.sweeps.packing.packer import ONE_BY_ONE, Packer
from dlrun.runs.sweeps.places import NewPlaces, Places
from dlrun.runs.sweeps.rows import SweepRow, num_done
from dlrun.runs.sweeps.search.budget import Budget
from dlrun.runs.sweeps.search.search import Search
from dlrun.wording import count, plural

Watch = Callable[[Event], None]
"""Receives every event of a sweep, to show it."""


class Driver:
    """Runs a sweep; call `run` once. places: its folder, or what numbers its points and keeps their rows.

    fail_fast: whether the first point that fails or diverges ends the sweep; those that run save and stop.
    rows: of the points so far, in the order in which they ended. failed: the first that failed or diverged.
    """

    def __init__(
        self,
        search: Search,
        engine: Engine,
        places: Places | Path,
        *,
        watch: Watch,
        packer: Packer = ONE_BY_ONE,
        budget: Budget | None = None,
        fail_fast: bool = False,
    ) -> None:
        self._search, self._engine, self._watch, self._fail_fast = search, engine, watch, fail_fast
        self._places = NewPlaces(places) if isinstance(places, Path) else places
        self._packer, self._budget = packer, budget or Budget(None)
        self._is_spent = False  # whether the running points were asked to stop, since the budget is spent
        self._waiting: list[Job] = []
        self._jobs: list[set[int]] = []  # the running points of each job
        self._measured: dict[int, Measured] = {}  # the newest of each running point
        self._stopped: dict[int, tuple[str, str]] = {}  # status and reason of points that were asked to stop
        self.rows: list[SweepRow] = []
        self.failed: SweepRow | None = None

    def run(self) -> list[SweepRow]:
        """Train every point; return the rows in the order in which the points ended.

        Raises Interrupted if a signal stopped the sweep, after the running points were saved.
        """
        try:
            self._search.recall(self._places.known())
            if (first := self._next()) is not None:  # else no engine need be started
                self._train(first)
        except Interrupted as error:
            what = stopped_message(num_done(self.rows), self._search.num_points, self._places.folder)
            raise Interrupted(error.exit_code - 128, what) from error
        return self.rows

    @property
    def _running(self) -> set[int]:
        return {point for points in self._jobs for point in points}

    def _train(self, first: Point) -> None:
        if isinstance(self._engine, InProcess):
            self._engine.serve(self._handle, self._stop_if_spent)
        with self._engine:
            self._fill(first)
            while self._submit() or self._jobs:
                for event in self._engine.events(None if self._is_spent else self._budget.left_s()):
                    self._handle(event)
                self._stop_if_spent()

    def _submit(self) -> bool:
        """Give the engine as many jobs as it takes; return whether there were any."""
        submitted = False
        while len(self._jobs) < self._engine.capacity and not self._is_over():
            if not self._waiting:
                self._fill(self._next())
            if not self._waiting:
                break
            job = self._waiting.pop(0)
            self._jobs.append({point.number for point in job.points})
            for point in job.points:
                self._watch(Submitted(point.number, point.overrides))
            self._engine.submit(job)
            submitted = True
        return submitted

    def _is_over(self) -> bool:
        """Whether no further point begins: the budget is spent, or a point failed that ends the sweep."""
        return self._budget.is_spent() or (self._fail_fast and self.failed is not None)

    def _fill(self, first: Point | None) -> None:
        """Make jobs of a point, and of as many after it as the packer wants to see at once."""
        points: list[Point] = []
        most = self._packer.window(self._engine.capacity)
        while first is not None:
            points.append(first)
            first = self._next() if len(points) < most else None
        self._waiting = self._packer.jobs(points, capacity=self._engine.capacity)

    def _next(self) -> Point | None:
        """Return the next point that must be trained, if there is one now; take the outcome of those before it."""
        while not self._is_over():
            plan = self._search.next()
            if plan is None:
                return None
            placed = self._places.place(plan)
            self._search.begin(placed.point.number, placed.point.overrides)  # before the next one is asked for
            if placed.row is None:
                return placed.point
            self._end(placed.row)
        return None

    def _handle(self, event: Event) -> None:
        if isinstance(event, Ended):
            for points in self._jobs:
                points.discard(event.row.point)
            self._jobs = [points for points in self._jobs if points]
            number = event.row.point
            row = _as_asked(event.row, self._measured.pop(number, None), self._stopped.get(number))
            self._end(self._places.add(row))
            return
        if isinstance(event, Measured):
            self._measured[event.point] = event
            reason = self._search.observe(event.point, event)
            if reason is not None:
                self._stop(event.point, "pruned", reason)
        self._watch(event)

    def _end(self, row: SweepRow) -> None:
        """Take the outcome of a point, which may have been known before."""
        self.rows.append(row)
        self._search.tell(row)
        self._watch(Ended(row))
        if row.status in ("failed", "diverged") and self.failed is None:
            self.failed = row
            if self._fail_fast:
                self._stop_all(f"Stopped by launch.fail_fast: point {row.point} {row.status}.")

    def _stop_if_spent(self) -> None:
        """Ask the running points to save and stop once the budget is spent."""
        if self._budget.is_spent() and not self._is_spent:
            self._is_spent = True
            self._stop_all(self._budget.reason)

    def _stop_all(self, reason: str) -> None:
        for point in self._running:
            self._stop(point, "interrupted", reason)

    def _stop(self, point: int, status: str, reason: str) -> None:
        if point not in self._stopped:
            self._stopped[point] = status, reason
            self._engine.stop_point(point, reason)


def _as_asked(row: SweepRow, last: Measured | None, stopped: tuple[str, str] | None) -> SweepRow:
    """Return the row of a point with what was measured of it; of one that was asked to stop, with status and reason."""
    if row.status != "interrupted":
        return row
    if last is not None and row.best is None:
        row = dataclasses.replace(row, best=last.best, seconds=row.seconds or last.seconds)
    return row if stopped is None else dataclasses.replace(row, status=stopped[0], error=stopped[1], exit_code=0)


def stopped_message(done: int, num_points: int | None, folder: Path) -> str:
    """Return what is told of a sweep that a signal stopped."""
    points = plural(done, "point") if num_points is None else f"{count(done)} of {plural(num_points, 'point')}"
    return f"The sweep was stopped after {points}; their results are in {folder}."
