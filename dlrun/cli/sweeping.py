"""`dlrun -m`: train every point of a sweep and print one table."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.pack_runner import say
from dlrun.cli.point_runner import PointRunner
from dlrun.configuration.overrides import Request
from dlrun.configuration.plan import Plan
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Interrupted
from dlrun.report.sweep_progress import make_watch
from dlrun.runs.sweeps.driver import Driver, stopped_message
from dlrun.runs.sweeps.engines.choose import choose_engine
from dlrun.runs.sweeps.engines.hydra_launcher import asks_for_launcher, launch
from dlrun.runs.sweeps.folder import open_folder
from dlrun.runs.sweeps.jobs import Point
from dlrun.runs.sweeps.packing.eligible import sweep_obstacle
from dlrun.runs.sweeps.packing.packer import Packer
from dlrun.runs.sweeps.rows import SweepRow, best_first, read_rows
from dlrun.runs.sweeps.search.budget import Budget
from dlrun.runs.sweeps.search.choose import choose_search
from dlrun.runs.sweeps.search.halving import summary_of


def launch_points(
    command: Command, request: Request, plans: Sequence[Plan], catalog: Catalog
) -> tuple[Path, list[SweepRow]]:
    """Train every point; return the sweep's folder and its rows.

    Raises Interrupted if a signal stopped the sweep, after the running points were saved.
    """
    is_ours = not asks_for_launcher(request.hydra)  # then the sweep shows its points, and they show nothing themselves
    quiet, profile = command.has(flags.QUIET), command.has(flags.PROFILE)
    runner = PointRunner(
        catalog.plugins,
        catalog.config_dirs,
        quiet=quiet or is_ours,
        profile=profile,
        pack=request.sweep.launch.pack,
    )
    folder = open_folder(request.hydra, plans)
    if not is_ours:
        points = [Point(number, plan, folder / str(number)) for number, plan in enumerate(plans)]
        stopped = launch(points, folder, runner, hydra_words=request.hydra, config_dirs=catalog.config_dirs)
        rows = read_rows(folder / "sweep.jsonl")
        if stopped is not None:
            raise Interrupted(stopped, stopped_message(len(rows), len(points), folder))
        return folder, rows
    search = choose_search(request.sweep.search, plans, folder)
    engine = choose_engine(
        request.sweep.launch,
        runner,
        num_points=search.num_points,
        example=plans[0],
        in_process=command.has(flags.PROFILE),
    )
    budget = Budget(request.sweep.search.budget)
    packer = _packer(request, runner, profile=profile, quiet=quiet)
    with make_watch(plans, quiet=quiet, num_points=search.num_points) as watch:
        rows = Driver(search, engine, folder, watch=watch, packer=packer, budget=budget).run()
    for line in () if quiet else (*summary_of(search), *budget.summary()):
        print(line, file=sys.stderr)  # noqa: T201
    return folder, rows


def _packer(request: Request, runner: PointRunner, *, profile: bool, quiet: bool) -> Packer:
    """Return what groups the points of a sweep into jobs."""
    mode, why = request.sweep.launch.pack, sweep_obstacle(request.sweep, profile=profile)
    tell = _ignore if quiet else say
    if mode == "on" and why is not None:
        tell(f"packed: no points; {why}")
    return Packer(mode if why is None else "off", runner.composed, say=tell)


def _ignore(line: str) -> None:
    del line


def sweep(command: Command, request: Request, points: Sequence[Plan], catalog: Catalog) -> int:
    """Train every point and print one table, best first; returns the exit code of the first point that failed."""
    folder, rows = launch_points(command, request, points, catalog)
    ordered = best_first(rows)
    if command.has(flags.JSON):
        print(json.dumps([dataclasses.asdict(row) for row in ordered], indent=2))  # noqa: T201
    else:
        from dlrun.report.sweep_table import print_sweep

        print_sweep(ordered)
        print(f"\nin {folder}: sweep.jsonl and one folder per point", file=sys.stderr)  # noqa: T201
    return report_failures(rows)


def report_failures(rows: Sequence[SweepRow]) -> int:
    """Print the error of each point that failed; return the exit code of the first one, or 0."""
    failed = [row for row in sorted(rows, key=lambda row: row.point) if row.exit_code]
    for row in failed:
        print(f"point {row.point} ({' '.join(row.overrides)}) {row.status}: {row.error}", file=sys.stderr)  # noqa: T201
    return failed[0].exit_code if failed else 0
