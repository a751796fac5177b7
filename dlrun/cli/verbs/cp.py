"""`dlrun cp`: copy a recipe to a file of the user's own. Imports no torch."""

from __future__ import annotations

import os
from pathlib import Path

from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import ConfigError, Problem

VERB = Verb(
    name="cp",
    usage="RECIPE FILE",
    summary="copy a recipe to a new file or into a folder",
    words=(Word("RECIPE", "recipe", "a recipe's name"), Word("FILE", "file", "a file")),
    examples=(
        Example("dlrun cp lenet_mnist mine.yaml", "a copy to change"),
        Example("dlrun cp mlp_digits .", "a copy with the recipe's name, in this folder"),
    ),
)


def run(command: Command) -> int:
    """Copy the recipe; raises ConfigError when the file exists or cannot be written."""
    from dlrun.configuration.recipe import locate_recipe
    from dlrun.configuration.safe_yaml import read_yaml

    source, target = locate_recipe(command.words[0]), Path(command.words[1]).expanduser()
    read_yaml(source)
    if target.is_dir():
        target /= source.name
    try:
        with target.open("xb") as stream:
            stream.write(source.read_bytes())
    except FileExistsError as error:
        raise ConfigError(Problem(str(target), "The file exists; choose another name.")) from error
    except OSError as error:
        raise ConfigError(Problem(str(target), f"The file cannot be written ({error.strerror}).")) from error
    print(f"{target}\ntrain it: dlrun recipe={target if os.sep in str(target) else f'./{target}'}")  # noqa: T201
    return 0
