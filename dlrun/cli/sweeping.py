"""`dlrun -m`: train every point of a sweep and print one table."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.notices import say, tell
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
class Sweep:
    """What a command sweeps. plans: of the points; a search has none, but a space to choose from."""

    command: Command
    request: Request
    plans: Sequence[Plan]
    catalog: Catalog
    manner: Manner = field(default_factory=Manner)
    space: Space | None = None

    @property
    def quiet(self) -> bool:
        """Whether only the result is to be printed."""
        return self.command.has(flags.QUIET)

    @property
    def profile(self) -> bool:
        """Whether each point is to write the time of its phases."""
        return self.command.has(flags.PROFILE)


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


def launch_points(sweep: Sweep) -> Launched:
    """Train every point that is not done; a signal stops the sweep after the running points were saved."""
    request, catalog = sweep.request, sweep.catalog
    check_one_process("-m" if sweep.command.has(flags.MULTIRUN) else "dataset.folds")
    has_launcher = asks_for_launcher(request.hydra)
    if has_launcher:
        check_launcher(request.hydra, request.sweep.given, catalog.config_dirs)
    reuse = request.sweep.launch.reuse
    if reuse is not None:
        require_folder(Path(reuse).expanduser())
    ledger = open_ledger(request.hydra, sweep.plans)
    try:
        _note_command(ledger, _sweep_command(sweep), is_told=sweep.manner.show)
        earlier = None if reuse is None else EarlierRuns(Path(reuse).expanduser(), catalog, besides=ledger.folder)
        adjust = (lambda composed: without_downloads(composed, given=())) if sweep.manner.is_saved else None
        places = LedgerPlaces(ledger, catalog, tell=lambda notice: tell([notice]), earlier=earlier, adjust=adjust)
        first_failed, stopped = None, None
        if has_launcher:
            stopped = _launch_with_hydra(sweep, places)
        else:
            first_failed, stopped = _drive(sweep, places)
        ledger.read_rows_again()
        own = [ledger.rows.get(number) for number in places.numbers]
        own += [None] * (len(sweep.plans) - len(own))
        return Launched(ledger.folder, list(ledger.rows.values()), own, first_failed, stopped)
    finally:
        ledger.close()


def _launch_with_hydra(sweep: Sweep, places: LedgerPlaces) -> Interrupted | None:
    """Train the points with Hydra's launcher, where each shows itself; return the signal that stopped it."""
    placed = [places.place(plan) for plan in sweep.plans]
    points = [each.point for each in placed if each.row is None]
    if not points:
        return None
    runner, hydra_words = _runner(sweep, quiet=sweep.quiet), sweep.request.hydra
    signal = launch(points, places.folder, runner, hydra_words=hydra_words, config_dirs=sweep.catalog.config_dirs)
    if signal is None:
        return None
    done = num_done(read_rows(places.folder / ROWS))
    return Interrupted(signal, stopped_message(done, len(sweep.plans), places.folder))


def _drive(sweep: Sweep, places: LedgerPlaces) -> tuple[SweepRow | None, Interrupted | None]:
    """Train the points; return the first that failed, where that ended the sweep, and the signal that stopped it."""
    settings, budget = sweep.request.sweep.launch, Budget(sweep.request.sweep.search.budget)
    search = choose_search(sweep.request.sweep.search, sweep.plans, places.folder, space=sweep.space)
    examples = sweep.plans if sweep.space is None else sweep.space.example_plans()
    runner = _runner(sweep, quiet=True)  # the sweep shows its points
    engine = choose_engine(
        settings,
        runner,
        num_points=search.num_points,
        example=examples[0],
        needs=lambda: Needs.of_sweep(places.folder, examples, sweep.catalog),
        in_process=sweep.profile,
    )
    places.threads = lambda: engine.threads if isinstance(engine, DividesThreads) else None
    packer = _packer(sweep, runner)
    with make_watch(sweep.plans, quiet=sweep.quiet, num_points=search.num_points) as watch:
        driver = Driver(search, engine, places, watch=watch, packer=packer, budget=budget, fail_fast=settings.fail_fast)
        try:
            driver.run()
        except Interrupted as error:
            return None, error
    for line in () if sweep.quiet else (*summary_of(search), *_used(budget, driver, search.num_points, places.folder)):
        say(line)
    return driver.failed if settings.fail_fast else None, None


def _runner(sweep: Sweep, *, quiet: bool) -> PointRunner:
    catalog, pack = sweep.catalog, sweep.request.sweep.launch.pack
    return PointRunner(catalog.plugins, catalog.config_dirs, quiet=quiet, profile=sweep.profile, pack=pack)


def _used(budget: Budget, driver: Driver, num_points: int | None, folder: Path) -> list[str]:
    num_left = None if num_points is None else max(0, num_points - num_done(driver.rows))
    return budget.summary(folder, num_left=num_left)


def _packer(sweep: Sweep, runner: PointRunner) -> Packer:
    """Return what groups the points of a sweep into jobs."""
    asked = sweep.request.sweep
    mode, why = asked.launch.pack, sweep_obstacle(asked, profile=sweep.profile)
    tell = _ignore if sweep.quiet else say
    if mode == "on" and why is not None:
        tell(f"packed: no points; {why}")
    return Packer(mode if why is None else "off", runner.composed, say=tell)


def _ignore(line: str) -> None:
    del line


def _sweep_command(sweep: Sweep) -> SweepCommand:
    """Return the command as the ledger keeps it."""
    request, catalog = sweep.request, sweep.catalog
    digests = catalog.plugin_hashes()
    return SweepCommand(
        words=tuple(word for word in request.words if word not in request.hydra),
        hydra=tuple(word for word in request.hydra if not word.lstrip("+").startswith(SWEEP_DIR)),
        multirun=sweep.command.has(flags.MULTIRUN),
        plugins={str(path): digests[path.name] for path in catalog.plugins},
        config_dirs=tuple(map(str, catalog.config_dirs)),
        started_in=str(Path.cwd()),
        dlrun=__version__,
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


def train_sweep(sweep: Sweep) -> int:
    """Train every point and print one table, best first; returns the exit code of the first point that failed.

    Raises Interrupted, after the table of what there is, if a signal stopped the sweep.
    """
    launched = launch_points(sweep)
    if sweep.manner.show or launched.stopped is not None:
        _print_rows(sweep.command, launched, sweep.request.sweep.search.objectives)
    raise_if_stopped(sweep.command, launched)
    return report_failures(launched)


def _print_rows(command: Command, launched: Launched, objectives: Sequence[str]) -> None:
    ordered = best_first(launched.rows)
    if command.has(flags.JSON):
        print_json([dataclasses.asdict(row) for row in ordered])
        return
    from dlrun.report.sweeps.final_table import print_sweep
    from dlrun.report.sweeps.pareto_table import print_front
    from dlrun.report.tables import print_sentences

    print_sweep(ordered)
    print_front(ordered, objectives)
    print_sentences(["", f"in {launched.folder}: sweep.jsonl and one folder per point"], stream=sys.stderr)


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
