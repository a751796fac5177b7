"""From a command line to what is asked for: the options on offer, the points, a run's own configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from dlrun.cli.command import Command
from dlrun.configuration.check import check_hydra
from dlrun.configuration.compose import Composed, check_plan, check_request, compose, plan, points
from dlrun.configuration.overrides import Point, Request, Value, parse
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable


def catalog_of(command: Command) -> Catalog:
    """The options that this command line offers."""
    return Catalog(plugins=command.paths("plugin"), config_dirs=command.paths("config_dir"))


def points_of(request: Request, catalog: Catalog) -> list[Point]:
    """Every point that is asked for.

    Raises ConfigError with everything that is wrong with any of them.
    """
    problems = check_request(request, catalog)
    if problems:
        raise ConfigError(problems)
    return points(request, catalog)


def of_run(folder: Path, overrides: Sequence[str], catalog: Catalog) -> Composed:
    """The configuration of an existing run, with overrides.

    Raises ConfigError when the folder holds no run, or was trained with a plugin that was not given.
    """
    if not (folder / "config.yaml").is_file():
        raise ConfigError(
            Problem(
                printable(str(folder)),
                "There is no run in this folder: it holds no config.yaml. `dlrun runs` lists runs.",
            )
        )
    request = parse(overrides, catalog)
    if any(key == "recipe" for key in request.settings):
        raise ConfigError(
            Problem("recipe=...", "A run that exists keeps its configuration; start a new one to use a recipe.")
        )
    path = str(folder / "config.yaml")
    request = dataclasses.replace(request, settings={"recipe": (Value(path, path),), **request.settings})
    (point,) = request.points()
    planned = plan(point, catalog, own=True)
    problems = [*request.problems, *check_hydra(request.hydra), *check_plan(planned, catalog)]
    if problems:
        raise ConfigError(problems)
    missing = (
        set(planned.recipe.about.get("plugins", {})) - {plugin.name for plugin in catalog.plugins}
        if planned.recipe
        else set()
    )
    if missing:
        raise ConfigError(
            Problem(str(folder), f"This run used the plugin {', '.join(sorted(missing))}: add --plugin FILE.")
        )
    return compose(planned, catalog)


def run_folder(command: Command) -> Path:
    """The run's folder that a command line names."""
    if not command.words:
        raise ConfigError(Problem(command.verb, "Expected a run's folder after it. `dlrun runs` lists runs."))
    return Path(command.words[0]).expanduser()
