"""`dlrun check`: everything wrong, and likely wrong, with a run or with every point of a sweep, without training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb
from dlrun.errors import ConfigError, DataError
from dlrun.report.json_output import print_json

if TYPE_CHECKING:
    from dlrun.lint.report import Report

VERB = Verb(
    name="check",
    usage="[KEY=VALUE ...] [-m]",
    summary="report everything wrong and likely wrong with a run, or with -m a sweep, without training",
    overrides=True,
    own_flags=(
        flags.MULTIRUN,
        flags.JSON,
        flags.STRICT,
        flags.DEEP,
        flags.TIME,
        flags.BUDGET,
        flags.QUIET,
        flags.PLUGIN,
        flags.CONFIG_DIR,
    ),
    details=(
        "The data is read and the model is built; nothing is written. An error stops training too; a warning is a\n"
        "likely mistake, with its id, the reason and the override that fixes it. --json prints a list of\n"
        "{id, severity, key, message, fix}."
    ),
    examples=(
        Example("dlrun check dataset=iris model=mlp", "one run"),
        Example("dlrun check -m dataset=iris model=linear,mlp seed=0,1", "every run of a sweep"),
        Example(
            "dlrun check -m dataset=iris search=random search.trials=20 'optimizer.lr=interval(1e-4,1e-1)'",
            "a search: the ends of each range",
        ),
        Example("dlrun check dataset=iris model=cnn", "a mistake that only the data reveals", exit_code=2),
        Example("dlrun check dataset=iris trainer.shuffle=false --strict", "a likely mistake", exit_code=2),
        Example("dlrun check -m dataset=iris model=mlp seed=0,1 --budget 2h", "whether the sweep ends in time"),
        Example("dlrun check dataset=iris model=mlp --time --deep --json", "everything, for a script"),
    ),
    exit_codes=(0, 2, 3),
)


def run(command: Command) -> int:
    """Examine every point and print what was found; raises it if any is an error, unless it is printed as JSON."""
    from dlrun.lint.report import Report

    report = Report()
    try:
        _examine(command, report)
    except (ConfigError, DataError) as error:
        if not command.has(flags.JSON):
            raise
        report.add_error(error)
    if command.has(flags.JSON):
        print_json(report.state())
        return report.exit_code(strict=command.has(flags.STRICT))
    for line in report.warning_lines():
        print(line)
    if report.errors:
        raise report.error()
    print(report.summary())
    return report.exit_code(strict=command.has(flags.STRICT))


def _examine(command: Command, report: Report) -> None:
    """Add what is found in every point; raises ConfigError or DataError for what is wrong before anything is built."""
    from dlrun.cli.context import make_catalog
    from dlrun.cli.recipe_file import tell_of_recipes
    from dlrun.configuration.compose import compose
    from dlrun.configuration.folds import by_fold
    from dlrun.configuration.overrides import parse_overrides
    from dlrun.configuration.plan import plan_runs
    from dlrun.data.files.named import check_plans

    catalog = make_catalog(command)
    request = parse_overrides(command.overrides, catalog, multirun=command.has(flags.MULTIRUN))
    if request.sweep.given:
        from dlrun.cli.searching import points_to_examine, with_objectives_checked

        request = with_objectives_checked(request, catalog)
    if request.is_search:
        points = points_to_examine(command, request, catalog)
    else:
        requested = plan_runs(request, catalog)
        tell_of_recipes(requested)
        check_plans(requested, catalog)
        points = [(folds[0], len(folds)) for folds in by_fold(requested, catalog)]
    from dlrun.cli.examining import Examination  # imports torch, which what is wrong so far does not need

    report.num_points = len(points)
    examination = Examination(command, catalog, report)
    for plan, runs in points:
        examination.examine(compose(plan, catalog, hydra_words=request.hydra), label=plan.label, runs=runs)
    examination.finish()
