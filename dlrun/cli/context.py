"""From a command line to what is asked for: the options on offer, the points, a run's own configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from dlrun.cli.command import Command
from dlrun.configuration.compose import Composed, compose
from dlrun.configuration.override_text import Value
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable


def catalog_of(command: Command) -> Catalog:
    """The options that this command line offers."""
    return Catalog(plugins=command.paths("plugin"), config_dirs=command.paths("config_dir"))


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
    request = parse_overrides(overrides, catalog)
    if any(key == "recipe" for key in request.settings):
        raise ConfigError(
            Problem("recipe=...", "A run that exists keeps its configuration; start a new one to use a recipe.")
        )
    path = str(folder / "config.yaml")
    request = dataclasses.replace(request, settings={"recipe": (Value(path, path),), **request.settings})
    (plan,) = plan_runs(request, catalog, own=True)
    missing = (
        set(plan.recipe.about.get("plugins", {})) - {plugin.name for plugin in catalog.plugins}
        if plan.recipe
        else set()
    )
    if missing:
        raise ConfigError(
            Problem(str(folder), f"This run used the plugin {', '.join(sorted(missing))}: add --plugin FILE.")
        )
    return compose(plan, catalog)


def run_folder(command: Command) -> Path:
    """The run's folder that a command line names."""
    if not command.words:
        raise ConfigError(Problem(command.verb, "Expected a run's folder after it. `dlrun runs` lists runs."))
    return Path(command.words[0]).expanduser()
