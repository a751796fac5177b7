"""`dlrun -m`: train every point of a sweep and print one table."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.notices import tell
from dlrun.cli.pack_runner import say
from dlrun.cli.point_runner import PointRunner
from dlrun.cli.ranks.launched import check_one_process
from dlrun.cli.saved_run import without_downloads
from dlrun.configuration.overrides import Request
from dlrun.configuration.plan import Plan
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.space import Space
from dlrun.errors import Interrupted
from dlrun.report.json_output import print_json
from dlrun.report.sweeps.progress import make_watch
from dlrun.runs.sweeps.driver import Driver, stopped_message
from dlrun.runs.sweeps.engines.choose import choose_engine
from dlrun.runs.sweeps.engines.cluster.probe import Needs
from dlrun.runs.sweeps.engines.engine import DividesThreads
from dlrun.runs.sweeps.engines.hydra_launcher import asks_for_launcher, check_launcher, launch
from dlrun.runs.sweeps.folder import SWEEP_DIR, open_ledger
from dlrun.runs.sweeps.going_on import LedgerPlaces
from dlrun.runs.sweeps.ledger import Ledger, SweepCommand
from dlrun.runs.sweeps.packing.eligible import sweep_obstacle
from dlrun.runs.sweeps.packing.packer import Packer
from dlrun.runs.sweeps.reuse import EarlierRuns, require_folder
from dlrun.runs.sweeps.rows import ROWS, SweepRow, best_first, num_done, read_rows
from dlrun.runs.sweeps.search.budget import Budget
from dlrun.runs.sweeps.search.choose import choose_search
from dlrun.runs.sweeps.search.halving import summary_of
from dlrun.version import __version__
from dlrun.wording import plural


@dataclass(frozen=True)
class Manner:
    """How a sweep is run that may be one of several.

    show: whether its table is printed. is_saved: whether its command is of a folder's ledger, which may be somebody
    else's; then nothing is downloaded but to the default folder from the default addresses.
    """

    show: bool = True
    is_saved: bool = False


@dataclass(frozen=True)
class Launched:
    """What became of a sweep.

    rows: of every point of its folder, also of earlier commands. own: of the points that this command asked for, in
    the order of its plans; None for one that has not ended. stopped: the signal that stopped it, as an error.
    """

    folder: Path
    rows: Sequence[SweepRow]
    own: Sequence[SweepRow | None]
    first_failed: SweepRow | None = None
    stopped: Interrupted | None = None


def launch_points(
    command: Command,
    request: Request,
    plans: Sequence[Plan],
    catalog: Catalog,
    manner: Manner,
    *,
    space: Space | None = None,
) -> Launched:
    """Train every point that is not done; a signal stops the sweep after the running points were saved.

    plans: of the points; a search has none, but a space to choose from.
    """
    check_one_process("-m" if command.has(flags.MULTIRUN) else "dataset.folds")
    if asks_for_launcher(request.hydra):
        check_launcher(request.hydra, request.sweep.given, catalog.config_dirs)
    reuse = request.sweep.launch.reuse
    if reuse is not None:
        require_folder(Path(reuse).expanduser())
    ledger = open_ledger(request.hydra, plans)
    try:
        _note_command(ledger, _sweep_command(command, request, catalog), is_told=manner.show)
        earlier = None if reuse is None else EarlierRuns(Path(reuse).expanduser(), catalog, besides=ledger.folder)
        adjust = (lambda composed: without_downloads(composed, given=())) if manner.is_saved else None
        places = LedgerPlaces(ledger, catalog, tell=lambda notice: tell([notice]), earlier=earlier, adjust=adjust)
        first_failed, stopped = _launch(command, request, plans, places, catalog, space)
        ledger.read_rows_again()
        own = [ledger.rows.get(number) for number in places.numbers]
        own += [None] * (len(plans) - len(own))
        return Launched(ledger.folder, list(ledger.rows.values()), own, first_failed, stopped)
    finally:
        ledger.close()


def _launch(
    command: Command,
    request: Request,
    plans: Sequence[Plan],
    places: LedgerPlaces,
    catalog: Catalog,
    space: Space | None,
) -> tuple[SweepRow | None, Interrupted | None]:
    """Train the points; return the first that failed, where that ended the sweep, and the signal that stopped it."""
    is_ours = not asks_for_launcher(request.hydra)  # then the sweep shows its points, and they show nothing themselves
    quiet, profile = command.has(flags.QUIET), command.has(flags.PROFILE)
    runner = PointRunner(
        catalog.plugins,
        catalog.config_dirs,
        quiet=quiet or is_ours,
        profile=profile,
        pack=request.sweep.launch.pack,
    )
    if not is_ours:
        placed = [places.place(plan) for plan in plans]
        points = [each.point for each in placed if each.row is None]
        if not points:
            return None, None
        signal = launch(points, places.folder, runner, hydra_words=request.hydra, config_dirs=catalog.config_dirs)
        if signal is None:
            return None, None
        done = num_done(read_rows(places.folder / ROWS))
        return None, Interrupted(signal, stopped_message(done, len(plans), places.folder))
    settings, budget = request.sweep.launch, Budget(request.sweep.search.budget)
    search = choose_search(request.sweep.search, plans, places.folder, space=space)
    examples = plans if space is None else space.example_plans()
    engine = choose_engine(
        settings,
        runner,
        num_points=search.num_points,
        example=examples[0],
        needs=lambda: Needs.of_sweep(places.folder, examples, catalog),
        in_process=profile,
    )
    places.threads = lambda: engine.threads if isinstance(engine, DividesThreads) else None
    packer = _packer(request, runner, profile=profile, quiet=quiet)
    with make_watch(plans, quiet=quiet, num_points=search.num_points) as watch:
        driver = Driver(search, engine, places, watch=watch, packer=packer, budget=budget, fail_fast=settings.fail_fast)
        try:
            driver.run()
        except Interrupted as error:
            return None, error
    for line in () if quiet else (*summary_of(search), *_used(budget, driver, search.num_points, places.folder)):
        say(line)
    return driver.failed if settings.fail_fast else None, None


def _used(budget: Budget, driver: Driver, num_points: int | None, folder: Path) -> list[str]:
    num_left = None if num_points is None else max(0, num_points - num_done(driver.rows))
    return budget.summary(folder, num_left=num_left)


def _packer(request: Request, runner: PointRunner, *, profile: bool, quiet: bool) -> Packer:
    """Return what groups the points of a sweep into jobs."""
    mode, why = request.sweep.launch.pack, sweep_obstacle(request.sweep, profile=profile)
    tell = _ignore if quiet else say
    if mode == "on" and why is not None:
        tell(f"packed: no points; {why}")
    return Packer(mode if why is None else "off", runner.composed, say=tell)


def _ignore(line: str) -> None:
    del line


def _sweep_command(command: Command, request: Request, catalog: Catalog) -> SweepCommand:
    """Return the command as the ledger keeps it."""
    digests = catalog.plugin_hashes()
    return SweepCommand(
        tuple(word for word in request.words if word not in request.hydra),
        tuple(word for word in request.hydra if not word.lstrip("+").startswith(SWEEP_DIR)),
        command.has(flags.MULTIRUN),
        {str(path): digests[path.name] for path in catalog.plugins},
        tuple(map(str, catalog.config_dirs)),
        str(Path.cwd()),
        __version__,
    )


def _note_command(ledger: Ledger, command: SweepCommand, *, is_told: bool) -> None:
    """Keep the command, and say what it does in a folder that has a sweep already, if that is to be told."""
    is_same = not ledger.commands or any(each.asks_for_same(command) for each in ledger.commands)
    count = plural(len(ledger.entries), "point")
    what = f"{ledger.folder} has a sweep of {count}: the points of this command that are not among them are added."
    if is_same:
        what = f"going on with the sweep in {ledger.folder}: only what is not done is trained."
    if is_told and ledger.entries:
        tell([what])
    ledger.note_command(command)


def sweep(
    command: Command,
    request: Request,
    plans: Sequence[Plan],
    catalog: Catalog,
    manner: Manner,
    *,
    space: Space | None = None,
) -> int:
    """Train every point and print one table, best first; returns the exit code of the first point that failed.

    Raises Interrupted, after the table of what there is, if a signal stopped the sweep.
    """
    launched = launch_points(command, request, plans, catalog, manner, space=space)
    if manner.show or launched.stopped is not None:
        _print_rows(command, launched, request.sweep.search.objectives)
    raise_if_stopped(command, launched)
    return report_failures(launched)


def _print_rows(command: Command, launched: Launched, objectives: Sequence[str]) -> None:
    ordered = best_first(launched.rows)
    if command.has(flags.JSON):
        print_json([dataclasses.asdict(row) for row in ordered])
        return
    from dlrun.report.sweeps.final_table import print_sweep
    from dlrun.report.sweeps.pareto_table import print_front

    print_sweep(ordered)
    print_front(ordered, objectives)
    print(f"\nin {launched.folder}: sweep.jsonl and one folder per point", file=sys.stderr)


def raise_if_stopped(command: Command, launched: Launched) -> None:
    """Raise Interrupted with the command that goes on, if a signal stopped the sweep."""
    if launched.stopped is None:
        return
    words = [f"{flag.name} {value}" for flag in (flags.PLUGIN, flags.CONFIG_DIR) for value in command.values(flag)]
    goes_on = " ".join(["dlrun resume", str(launched.folder), *words])
    what = f"{launched.stopped}\n      {goes_on}   goes on with it"
    raise Interrupted(launched.stopped.exit_code - 128, what) from launched.stopped


def report_failures(launched: Launched) -> int:
    """Print the error of each point of the command that failed; return the exit code of the first one, or 0."""
    own = [row for row in launched.own if row is not None]
    failed = [row for row in sorted(own, key=lambda row: row.point) if row.exit_code]
    for row in failed:
        print(f"point {row.point} ({' '.join(row.overrides)}) {row.status}: {row.error}", file=sys.stderr)
    if launched.first_failed is not None:
        left = sum(row is None or row.status == "interrupted" for row in launched.own)
        first = f"launch.fail_fast: point {launched.first_failed.point} {launched.first_failed.status}"
        print(f"{first}, and {plural(left, 'point')} did not end; dlrun resume {launched.folder}", file=sys.stderr)
        return launched.first_failed.exit_code
    return failed[0].exit_code if failed else 0
