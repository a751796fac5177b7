"""The loop of a sweep: ask the search for points, give them to the engine, and keep a row of each in `sweep.jsonl`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from dlrun.errors import Interrupted
from dlrun.runs.sweeps.engines.engine import Engine
from dlrun.runs.sweeps.jobs import Ended, Event, Job, Measured, Point, Submitted
from dlrun.runs.sweeps.packing.packer import ONE_BY_ONE, Packer
from dlrun.runs.sweeps.rows import SweepRow, append_row, keep_newest_rows
from dlrun.runs.sweeps.search.budget import Budget
from dlrun.runs.sweeps.search.search import Search

Watch = Callable[[Event], None]
"""Receives every event of a sweep, to show it."""


class Driver:
    """Runs a sweep in its folder; call `run` once."""

    def __init__(
        self,
        search: Search,
        engine: Engine,
        folder: Path,
        *,
        watch: Watch,
        packer: Packer | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._search, self._engine, self._folder, self._watch = search, engine, folder, watch
        self._packer = ONE_BY_ONE if packer is None else packer
        self._budget = Budget(None) if budget is None else budget
        self._out_of_time: set[int] = set()  # points that were asked to stop when the budget was spent
        self._measured: dict[int, Measured] = {}
        self._running: set[int] = set()
        self._jobs: list[set[int]] = []  # the running points of each job
        self._waiting: list[Job] = []
        self._pruned: dict[int, str] = {}
        self._num_asked = 0
        self.rows: list[SweepRow] = []

    def run(self) -> list[SweepRow]:
        """Train every point; return the rows in the order in which the points ended.

        Raises Interrupted if a signal stopped the sweep, after the running points were saved.
        """
        path = self._folder / "sweep.jsonl"
        goes_on = path.exists()
        with self._engine:
            try:
                while self._submit() or self._running:
                    waits_s = None if self._out_of_time else self._budget.left_s()
                    for event in self._engine.events(waits_s):
                        self._handle(event)
                    self._stop_if_spent()
            except Interrupted as error:
                what = stopped_message(len(self.rows), self._search.num_points, self._folder)
                raise Interrupted(error.exit_code - 128, what) from error
        if goes_on:
            keep_newest_rows(path)
        return self.rows

    def _submit(self) -> bool:
        """Give the engine as many jobs as it takes; return whether there were any."""
        submitted = False
        while not self._budget.is_spent() and len(self._jobs) < self._engine.capacity:
            self._waiting = self._waiting or self._packer.jobs(self._next_points(), capacity=self._engine.capacity)
            if not self._waiting:
                break
            job = self._waiting.pop(0)
            self._jobs.append({point.number for point in job.points})
            self._running |= self._jobs[-1]
            for point in job.points:
                self._search.begin(point.number, point.overrides)
                self._watch(Submitted(point.number, point.overrides))
            self._engine.submit(job)
            submitted = True
        return submitted

    def _next_points(self) -> list[Point]:
        """Ask the search for points: as many as the packer wants to see at once."""
        points: list[Point] = []
        most = self._packer.window(self._engine.capacity)
        while len(points) < most and (plan := self._search.next()) is not None:
            number, self._num_asked = self._num_asked, self._num_asked + 1
            points.append(Point(number, plan, self._folder / str(number)))
        return points

    def _stop_if_spent(self) -> None:
        """Ask the running points to save and stop once the budget is spent."""
        if self._budget.is_spent():
            for number in self._running - self._out_of_time:
                self._out_of_time.add(number)
                self._engine.stop_point(number, self._budget.reason)

    def _handle(self, event: Event) -> None:
        if isinstance(event, Measured):
            self._measured[event.point] = event
            reason = self._search.observe(event.point, event)
            if reason is not None and event.point not in self._pruned:
                self._pruned[event.point] = reason
                self._engine.stop_point(event.point, reason)
        if isinstance(event, Ended):
            event = Ended(row := self._completed_row(event.row))
            self._running.discard(row.point)
            for points in self._jobs:
                points.discard(row.point)
            self._jobs = [points for points in self._jobs if points]
            append_row(self._folder / "sweep.jsonl", row)
            self.rows.append(row)
            self._search.tell(row)
        self._watch(event)

    def _completed_row(self, row: SweepRow) -> SweepRow:
        """Return the row of a point with why the sweep stopped it, if it did, and what was measured until then."""
        last = self._measured.pop(row.point, None)
        if row.status != "interrupted":
            return row
        if last is not None and row.best is None:
            row = dataclasses.replace(row, best=last.best, seconds=row.seconds or last.seconds)
        if row.point in self._pruned:
            return dataclasses.replace(row, status="pruned", error=self._pruned[row.point], exit_code=0)
        if row.point in self._out_of_time:
            return dataclasses.replace(row, error=self._budget.reason, exit_code=0)
        return row


def stopped_message(num_done: int, num_points: int | None, folder: Path) -> str:
    """Return what is told of a sweep that a signal stopped."""
    of = "" if num_points is None else f" of {num_points}"
    return f"The sweep was stopped after {num_done}{of} points; their results are in {folder}."
