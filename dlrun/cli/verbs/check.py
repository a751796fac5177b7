"""`dlrun check`: everything wrong with a run, or with every point of a sweep, without training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb
from dlrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    from dlrun.lint.finding import Finding

VERB = Verb(
    name="check",
    usage="[KEY=VALUE ...] [-m]",
    summary="report everything wrong with a run, or with -m a sweep, without training",
    overrides=True,
    own_flags=(flags.MULTIRUN, flags.QUIET, flags.PLUGIN, flags.CONFIG_DIR),
    details="The data is read and the model is built; nothing is written.",
    examples=(
        Example("dlrun check dataset=iris model=mlp", "one run"),
        Example("dlrun check -m dataset=iris model=linear,mlp seed=0,1", "every run of a sweep"),
        Example("dlrun check dataset=iris model=cnn", "a mistake that only the data reveals", exit_code=2),
    ),
    exit_codes=(0, 2, 3),
)


def run(command: Command) -> int:
    """Compose and examine every point; raises ConfigError with all problems."""
    from dlrun.cli.context import make_catalog
    from dlrun.configuration.compose import compose
    from dlrun.configuration.folds import by_fold
    from dlrun.configuration.overrides import parse_overrides
    from dlrun.configuration.plan import plan_runs
    from dlrun.lint.examine import Examiner
    from dlrun.wording import count

    catalog = make_catalog(command)
    request = parse_overrides(command.overrides, catalog, multirun=command.has(flags.MULTIRUN))
    plans = [folds[0] for folds in by_fold(plan_runs(request, catalog), catalog)]
    examiner = Examiner(catalog)
    findings: list[Finding] = []
    for plan in plans:
        composed = compose(plan, catalog, hydra_words=request.hydra)
        components, found = examiner.examine(composed)
        findings += found
        if len(plans) == 1 and components is not None:
            print(f"data    {components.data.name}: {components.data.spec.describe()}")  # noqa: T201
            for notice in components.data.notices:
                print(f"        {notice}")  # noqa: T201
            print(f"model   {components.config.model.name}, {count(components.num_parameters)} parameters")  # noqa: T201
    errors = [each for each in findings if each.severity == "error"]
    if errors:
        raise ConfigError([Problem(each.key, each.message, each.id, each.fix) for each in errors])
    for each in dict.fromkeys(findings):
        print(f"{each.severity} {each.id}: {each.key}: {each.message} {each.fix or ''}")  # noqa: T201
    print("Nothing is wrong." if len(plans) == 1 else f"Nothing is wrong with any of {len(plans)} points.")  # noqa: T201
    return 0
