"""`dlrun -m`: train every point of a sweep and print one table."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.running import run_one
from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import Request
from dlrun.configuration.plan import Plan
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Interrupted
from dlrun.runs.history import finished_result
from dlrun.runs.sweeps.driver import Driver, stopped_message
from dlrun.runs.sweeps.engines.hydra_launcher import asks_for_launcher, launch
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.folder import open_folder
from dlrun.runs.sweeps.jobs import Channel, Ended, Event, Job, Point, Started
from dlrun.runs.sweeps.rows import SweepRow, best_first, read_rows, row_of_error, row_of_result
from dlrun.runs.sweeps.search.grid import Grid
from dlrun.wording import duration, number


@dataclasses.dataclass(frozen=True)
class PointRunner:
    """Trains the points of a job (a RunJob). It holds plain data, so that it can be sent to other processes."""

    plugins: Sequence[Path]
    config_dirs: Sequence[Path]
    quiet: bool
    profile: bool = False

    def __call__(self, job: Job, channel: Channel) -> None:
        """Train every point and report its end; an error is a row and does not stop the others."""
        for point in job.points:
            channel.report(Started(point.number))
            try:
                row = row_of_result(point.number, point.overrides, self._train(point), point.folder)
            except Interrupted as error:
                channel.report(Ended(row_of_error(point.number, point.overrides, error, point.folder)))
                raise
            except Exception as error:  # noqa: BLE001 - a bug at one point must not hide the results of the others
                row = row_of_error(point.number, point.overrides, error, point.folder)
            channel.report(Ended(row))

    def _train(self, point: Point) -> Mapping[str, Any]:
        catalog = Catalog(plugins=self.plugins, config_dirs=self.config_dirs)
        composed = compose(point.plan, catalog)
        finished = finished_result(point.folder, composed.config) if composed.config.resume != "never" else None
        if finished is not None:
            return finished
        return run_one(composed, catalog, point.folder, asked=True, quiet=self.quiet, profile=self.profile)[0]


def launch_points(
    command: Command, request: Request, plans: Sequence[Plan], catalog: Catalog
) -> tuple[Path, list[SweepRow]]:
    """Train every point; return the sweep's folder and its rows.

    Raises Interrupted if a signal stopped the sweep, after the running points were saved.
    """
    runner = PointRunner(
        catalog.plugins, catalog.config_dirs, quiet=command.has(flags.QUIET), profile=command.has(flags.PROFILE)
    )
    folder = open_folder(request.hydra, plans)
    if asks_for_launcher(request.hydra):
        points = [Point(number, plan, folder / str(number)) for number, plan in enumerate(plans)]
        stopped = launch(points, folder, runner, hydra_words=request.hydra, config_dirs=catalog.config_dirs)
        rows = read_rows(folder / "sweep.jsonl")
        if stopped is not None:
            raise Interrupted(stopped, stopped_message(len(rows), len(points), folder))
        return folder, rows
    watch = (lambda event: None) if command.has(flags.QUIET) else Announcer(plans)
    return folder, Driver(Grid(plans), InProcess(runner), folder, watch=watch).run()


@dataclasses.dataclass
class Announcer:
    """Prints a line when a point begins."""

    plans: Sequence[Plan]

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            line = f"\n[{event.point + 1}/{len(self.plans)}] {self.plans[event.point].label}"
            print(line, file=sys.stderr)  # noqa: T201


def sweep(command: Command, request: Request, points: Sequence[Plan], catalog: Catalog) -> int:
    """Train every point and print one table, best first; returns the exit code of the first point that failed."""
    folder, rows = launch_points(command, request, points, catalog)
    ordered = best_first(rows)
    if command.has(flags.JSON):
        print(json.dumps([dataclasses.asdict(row) for row in ordered], indent=2))  # noqa: T201
    else:
        _print(ordered)
        print(f"\nin {folder}: sweep.jsonl and one folder per point", file=sys.stderr)  # noqa: T201
    return report_failures(rows)


def report_failures(rows: Sequence[SweepRow]) -> int:
    """Print the error of each point that failed; return the exit code of the first one, or 0."""
    failed = [row for row in sorted(rows, key=lambda row: row.point) if row.exit_code]
    for row in failed:
        print(f"point {row.point} ({' '.join(row.overrides)}) {row.status}: {row.error}", file=sys.stderr)  # noqa: T201
    return failed[0].exit_code if failed else 0


def _print(rows: Sequence[SweepRow]) -> None:
    """Print one table of all points."""
    from dlrun.report.tables import print_table

    keys = list(dict.fromkeys(override.split("=", 1)[0] for row in rows for override in row.overrides))
    metric = next((str(row.best["metric"]) for row in rows if row.best is not None), None)
    others = dict.fromkeys(name for row in rows for name in row.metrics if name.startswith("test/"))
    shown = ([metric] if metric else []) + list(others)[:4]
    heads = ["point", *keys, *shown, "time", "status"]
    table = []
    for row in rows:
        chosen = dict(override.split("=", 1) for override in row.overrides)
        values = {**row.metrics, **({str(row.best["metric"]): row.best["value"]} if row.best else {})}
        swept = [chosen.get(key, "") for key in keys]
        measured = [number(values.get(name)) for name in shown]
        table.append([str(row.point), *swept, *measured, duration(row.seconds), row.status])
    right = (0, *range(1 + len(keys), 2 + len(keys) + len(shown)))
    print_table(heads, table, right=right, mark_first=True)
