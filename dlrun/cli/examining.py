"""Examine the points of a request one after another: what is printed of them, and how long they would train."""

from __future__ import annotations

import sys

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.configuration.compose import Composed
from dlrun.configuration.schema.catalog import Catalog
from dlrun.lint.examine import Examiner
from dlrun.lint.report import Report
from dlrun.lint.timing import RunTime, Stopwatch, findings_for_budget, total_time
from dlrun.training.build import Components
from dlrun.wording import plural

_MEASURING_S = 20.0  # at most, of all points together


class Examination:
    """Examines the points of one command line, adds what is found to a report and prints what they describe."""

    def __init__(self, command: Command, catalog: Catalog, report: Report) -> None:
        self._report, self._budget_s = report, command.value(flags.BUDGET)
        self._quiet = command.has(flags.JSON) or command.has(flags.QUIET)
        self._examiner = Examiner(catalog, deep=command.has(flags.DEEP))
        self._stopwatch: Stopwatch | None = None
        if command.has(flags.TIME) or self._budget_s is not None:
            self._stopwatch = Stopwatch(catalog, box_s=min(1.0, _MEASURING_S / report.num_points))
        self._times: list[RunTime] = []
        self._epochs: int | None = None

    def examine(self, composed: Composed, *, label: str, runs: int = 1) -> None:
        """Examine one point, of which so many runs differ only in their fold."""
        examined = self._examiner.examine(composed)
        self._report.add(examined.findings, label=label)
        if examined.components is None:
            return
        time = None
        if self._stopwatch is not None:
            time = self._stopwatch.measure(examined.components, build_s=examined.build_s)
            self._times += [time] * runs
            self._epochs = examined.components.config.trainer.epochs
        if self._report.num_points == 1 and not self._quiet:
            _describe(examined.components, time)

    def finish(self) -> None:
        """Print the time of all points together, and hold it against the budget."""
        if len(self._times) > 1 and not self._quiet:
            print(f"time    {total_time(self._times)} for {plural(len(self._times), 'run')}")
        if self._times and self._budget_s is not None:
            self._report.add_of_all(findings_for_budget(self._times, self._budget_s, epochs=self._epochs))


def _describe(components: Components, time: RunTime | None) -> None:
    """Print what would be trained, on which data, and what it needs."""
    print(f"data    {components.data.name}: {components.data.spec.describe()}")
    for notice in components.data.notices:
        print(f"        {notice}")
    print(f"model   {components.config.model.name}, {plural(components.num_parameters, 'parameter')}")
    if components.memory is not None:
        print(f"memory  {components.memory.describe()}")
    if time is not None:
        print(f"time    {time.describe()}")
    sys.stdout.flush()
