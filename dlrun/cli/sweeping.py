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
from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import Request
from dlrun.configuration.plan import Plan
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Interrupted
from dlrun.report.sweep_progress import make_watch
from dlrun.runs.sweeps.driver import Driver, stopped_message
from dlrun.runs.sweeps.engines.choose import choose_engine
from dlrun.runs.sweeps.engines.hydra_launcher import asks_for_launcher, launch
from dlrun.runs.sweeps.folder import open_folder
from dlrun.runs.sweeps.jobs import Point
from dlrun.runs.sweeps.packing.eligible import sweep_obstacle
from dlrun.runs.sweeps.packing.packer import Packer
from dlrun.runs.sweeps.rows import SweepRow, best_first, read_rows
from dlrun.runs.sweeps.search.choose import choose_search


def launch_points(
    command: Command, request: Request, plans: Sequence[Plan], catalog: Catalog
) -> tuple[Path, list[SweepRow]]:
    """Train every point; return the sweep's folder and its rows.

    Raises Interrupted if a signal stopped the sweep, after the running points were saved.
    """
    runner = PointRunner(
        catalog.plugins,
        catalog.config_dirs,
        quiet=command.has(flags.QUIET),
        profile=command.has(flags.PROFILE),
        pack=request.sweep.launch.pack,
    )
    folder = open_folder(request.hydra, plans)
    if asks_for_launcher(request.hydra):
        points = [Point(number, plan, folder / str(number)) for number, plan in enumerate(plans)]
        stopped = launch(points, folder, runner, hydra_words=request.hydra, config_dirs=catalog.config_dirs)
        rows = read_rows(folder / "sweep.jsonl")
        if stopped is not None:
            raise Interrupted(stopped, stopped_message(len(rows), len(points), folder))
        return folder, rows
    search = choose_search(request.sweep.search, plans)
    engine = choose_engine(request.sweep.launch, runner)
    watch = make_watch(plans, quiet=command.has(flags.QUIET))
    packer = _packer(command, request, catalog)
    return folder, Driver(search, engine, folder, watch=watch, packer=packer).run()


def _packer(command: Command, request: Request, catalog: Catalog) -> Packer:
    """Return what groups the points of a sweep into jobs."""
    mode = request.sweep.launch.pack
    why = sweep_obstacle(request.sweep, profile=command.has(flags.PROFILE))
    if mode == "on" and why is not None:
        say(f"packed: no points; {why}")

    def config_of(point: Point) -> RunConfig | None:
        try:
            return compose(point.plan, catalog).config
        except ConfigError:
            return None

    return Packer(mode if why is None else "off", config_of, say=_ignore if command.has(flags.QUIET) else say)


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
