"""`dlrun runs`: a table of runs, best first. Imports no torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command, usage_error
from dlrun.cli.notices import tell
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.report.json_output import print_json
from dlrun.wording import printable, unfiltered

if TYPE_CHECKING:
    from dlrun.runs.history import SavedRun
    from dlrun.runs.sweeps.groups import Trial
    from dlrun.runs.sweeps.ranking import Ranking

NONE = "none"  # of --group

VERB = Verb(
    name="runs",
    usage="[DIR] [--sort METRIC]",
    summary="table of runs, best first",
    words=(Word("DIR", "folder", "at most one folder", least=0),),
    own_flags=(flags.SORT, flags.FILTER, flags.GROUP, flags.JSON, flags.CSV),
    details=(
        "DIR is searched six levels deep (default: outputs). Runs that differ only in their seed are one row, with\n"
        "mean and standard deviation of each metric, how many completed, and whether it can be told apart from the\n"
        "best row; columns show the settings that differ. JSON and CSV have each run, or with --group the rows.\n"
        "Several filters of one key choose runs with any of the values."
    ),
    examples=(
        Example("dlrun runs", "the runs in outputs/"),
        Example("dlrun runs outputs --sort test/loss", "lowest loss on the test split first"),
        Example("dlrun runs --filter model=mlp --filter status=completed", "only some of them"),
        Example("dlrun runs outputs/seeds --group none", "a row for each run, seeds too"),
        Example("dlrun runs --group model --csv", "the mean over models and seeds, for a spreadsheet"),
        Example("dlrun runs outputs --json", "every result.json in one list"),
    ),
)


def run(command: Command) -> int:
    """Print the runs; raises ConfigError for a missing folder, or a metric or setting that no run has."""
    from dlrun.runs.filters import choose, parse_filter, what_there_is
    from dlrun.runs.sweeps.groups import trials_of_runs

    folder = Path(command.words[0] if command.words else "outputs").expanduser()
    if not folder.is_dir():
        what = "Expected a folder with runs, got a file." if folder.exists() else "There is no such folder."
        raise usage_error(Problem(printable(str(folder)), what))
    found = _read(folder)
    trials = trials_of_runs(found)
    filters = [parse_filter(text) for text in command.values(flags.FILTER)]
    chosen = choose(trials, filters)
    metric = _metric(command, trials)
    kept = {trial.name for trial in chosen}
    _tell_unsorted([each for each in found if str(each.folder) in kept], metric)
    grouped = _rank(command, chosen, metric)
    if command.has(flags.JSON) or command.has(flags.CSV):
        _print_data(command, grouped, found)
    elif trials and not chosen:
        where = " and ".join(map(str, filters))
        print(f"No run in {folder} has {where}. {printable(what_there_is(trials, filters), limit=1000)}")
    elif not found:
        print(f"There are no runs in {folder}.")
    else:
        from dlrun.report.runs_table import print_runs

        print_runs(grouped, metric)
    return 0


def _read(folder: Path) -> list[SavedRun]:
    """Read every run; one that cannot be read is left out with a notice."""
    from dlrun.runs.history import check_configuration, find_runs, read_run

    found = []
    for path in find_runs(folder):
        try:
            saved = read_run(path)
            check_configuration(saved)
            found.append(saved)
        except ConfigError as error:
            tell([f"left out: {error}"])
    return found


def _metric(command: Command, trials: Sequence[Trial]) -> str | None:
    """The metric to sort by; raises ConfigError if no run has it."""
    metric = command.value(flags.SORT)
    known = sorted({name for trial in trials for name in trial.metrics})
    if metric is not None and metric not in known:
        what = f"No run here has this metric. {did_you_mean(metric, known)}".rstrip()
        raise usage_error(Problem(f"--sort {printable(metric)}", what))
    return metric


def _tell_unsorted(found: Sequence[SavedRun], metric: str | None) -> None:
    from dlrun.runs.history import metric_without_direction

    for name in sorted({each for run in found if (each := metric_without_direction(run, metric)) is not None}):
        what = f'some results do not say whether a higher "{printable(name)}" is better; those runs come last, unsorted'
        tell([f"{what}."])


def _rank(command: Command, trials: Sequence[Trial], metric: str | None) -> Ranking:
    """The rows: of JSON and CSV each run, unless --group says what to put together."""
    from dlrun.configuration.sweeps.repeated import REPEATED
    from dlrun.runs.filters import check_keys, keys_of
    from dlrun.runs.sweeps.groups import as_typed, group
    from dlrun.runs.sweeps.ranking import rank

    keys = [as_typed(key) for key in command.values(flags.GROUP)]
    wanted = [(key, key) for key in keys if key != NONE]
    check_keys("--group", wanted, [*keys_of(trials), NONE] if trials else None)
    if NONE in keys and len(keys) > 1:
        raise usage_error(Problem("--group none", "It cannot be combined with another --group: it groups nothing."))
    as_data = command.has(flags.JSON) or command.has(flags.CSV)
    if NONE in keys or (as_data and not keys):
        return rank(group(trials, ()), metric)
    return rank(group(trials, tuple(dict.fromkeys((*keys, *REPEATED)))), metric)


def _print_data(command: Command, ranking: Ranking, found: Sequence[SavedRun]) -> None:
    """Print JSON or CSV."""
    from dlrun.report.csv_table import to_csv
    from dlrun.report.runs_table import as_cells, as_json

    keys = command.values(flags.GROUP)
    is_grouped = bool(keys) and NONE not in keys
    if command.has(flags.CSV):
        headings, rows = as_cells(ranking, grouped=is_grouped)
        unfiltered(sys.stdout).write(to_csv(headings, rows))  # its lines end with CR LF
    elif is_grouped:
        print_json(as_json(ranking))
    else:
        by_folder = {str(run.folder): run for run in found}
        results = [
            {"run_dir": row.group.trials[0].name, **_result(by_folder, row.group.trials[0])} for row in ranking.rows
        ]
        print_json(results)


def _result(by_folder: dict[str, SavedRun], trial: Trial) -> dict[str, object]:
    return dict(by_folder[trial.name].result)
