"""`dlrun cat`: print a recipe. Imports no torch."""

from __future__ import annotations

from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb, Word

VERB = Verb(
    name="cat",
    usage="RECIPE",
    summary="print a recipe",
    words=(Word("RECIPE", "recipe", "a recipe's name or file"),),
    examples=(
        Example("dlrun cat lenet_mnist", "one of dlrun's recipes"),
        Example("dlrun cat outputs/run/config.yaml", "a run's configuration, which is a recipe too"),
    ),
)


def run(command: Command) -> int:
    """Print the file as it is; raises ConfigError when it is not a recipe's YAML."""
    from dlrun.configuration.recipe import locate_recipe
    from dlrun.configuration.safe_yaml import read_yaml

    path = locate_recipe(command.words[0])
    read_yaml(path)  # refuses what is not a file of data
    print(path.read_text(encoding="utf-8"), end="")  # noqa: T201
    return 0
