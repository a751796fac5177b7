"""`dlrun check`: everything wrong with a run, or with every point of a sweep, without training."""

from __future__ import annotations

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb
from dlrun.errors import ConfigError, Problem

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
    """Compose and build every point; raises ConfigError with all problems."""
    from dlrun.cli.context import checked_points, make_catalog
    from dlrun.configuration.compose import compose, plan
    from dlrun.configuration.overrides import parse
    from dlrun.training.build import build_parts
    from dlrun.wording import count

    catalog = make_catalog(command)
    request = parse(command.overrides, catalog, multirun=command.has(flags.MULTIRUN))
    points = checked_points(request, catalog)
    problems: list[Problem] = []
    for point in points:
        composed = compose(plan(point, catalog), catalog, hydra_words=request.hydra)
        try:
            parts = build_parts(composed.config, catalog)
        except ConfigError as error:
            problems += error.problems or [Problem("configuration", str(error))]
            continue
        if len(points) == 1:
            print(f"data    {parts.data.name}: {parts.data.spec.describe()}")  # noqa: T201
            for notice in parts.data.notices:
                print(f"        {notice}")  # noqa: T201
            print(f"model   {composed.config.model.name}, {count(parts.num_parameters)} parameters")  # noqa: T201
    if problems:
        raise ConfigError(problems)
    print("Nothing is wrong." if len(points) == 1 else f"Nothing is wrong with any of {len(points)} points.")  # noqa: T201
    return 0
