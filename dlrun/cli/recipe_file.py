"""The recipe that a command names: its text, and what the user is told of where it was found."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli.notices import tell
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

if TYPE_CHECKING:
    from dlrun.configuration.plan import Plan
    from dlrun.configuration.recipes.extends import Layer
    from dlrun.configuration.recipes.sources.source import Source


def read_recipe(reference: str) -> tuple[Source, tuple[Layer, ...]]:
    """Return a recipe and the files that it consists of; the command line names it, so that it may be fetched.

    Raises ConfigError when it is no recipe's YAML or what it extends is refused.
    """
    from dlrun.configuration.recipes.extends import extend
    from dlrun.configuration.recipes.sources.find import find_recipe

    source = find_recipe(reference, fetch=True)
    tell(source.notices)
    return source, extend(source).layers


def extended_text(layers: tuple[Layer, ...]) -> str:
    """Return the YAML of a recipe with everything that it extends, itself a recipe that extends nothing."""
    from dlrun.configuration.recipes.extends import merge_layers
    from dlrun.configuration.recipes.sources.source import shorten
    from dlrun.configuration.yaml_text import to_yaml

    first, *others = layers
    names = "".join(f"# extends {shorten(layer.shown)}@sha256:{layer.sha256}\n" for layer in others)
    return f"# {shorten(first.shown)}\n{names}{to_yaml(merge_layers(layers))}"


def write_new(path: Path, content: bytes) -> None:
    """Write a file that does not exist yet; raises ConfigError when it does or cannot be written."""
    try:
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise ConfigError(Problem(printable(str(path)), "The file exists; choose another name.")) from error
    except OSError as error:
        raise ConfigError(Problem(printable(str(path)), f"The file cannot be written ({error.strerror}).")) from error


def tell_of_recipes(plans: Iterable[Plan]) -> None:
    """Print the notices on where the recipes of a command were found, each once."""
    tell(notice for plan in plans if plan.recipe is not None for notice in plan.recipe.notices)
