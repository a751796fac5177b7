"""The saved run that a command names: its folder and its configuration with overrides."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from dlrun.cli.command import Command
from dlrun.cli.context import make_catalog
from dlrun.cli.notices import tell
from dlrun.configuration.compose import Composed, compose
from dlrun.configuration.override_text import Value, value_of
from dlrun.configuration.overrides import Request, parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.recipes.published import NO_DATA, changed_plugins, check_published, data_left_to_user
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.safe_yaml import parse_yaml, read_yaml
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import NetworkAddress, WrittenPath, has_mark
from dlrun.configuration.schema.groups import builtin_names, builtin_option
from dlrun.errors import ConfigError, Problem
from dlrun.runs.history import require_run
from dlrun.storage.published import CONFIG, RECIPE, is_published, read_manifest, read_published
from dlrun.wording import printable


def run_folder(command: Command) -> Path:
    """Return the run's folder that is the command's first word."""
    return Path(command.words[0]).expanduser()


def no_run_or_sweep(folder: Path) -> Problem:
    """Return what is wrong with a folder that has neither where a command takes both."""
    what = "There is no sweep and no run in this folder: it has neither sweep.jsonl nor config.yaml."
    if not folder.is_dir():
        what = "There is no such folder."
    return Problem(printable(str(folder)), f"{what} `dlrun runs` lists runs.")


def open_run(command: Command, *, more: Sequence[str] = ()) -> tuple[RunConfig, Catalog, Path]:
    """Return the configuration, the options and the folder of the run that a command names.

    more: overrides after the command's own. Raises as `compose_run`.
    """
    folder, catalog = run_folder(command), make_catalog(command)
    return compose_run(folder, (*command.overrides, *more), catalog).config, catalog, folder


def compose_run(folder: Path, overrides: Sequence[str], catalog: Catalog) -> Composed:
    """Compose the configuration of a saved run, with overrides.

    Raises ConfigError when the folder contains no run, an override is wrong, or a plugin of the run is not given.
    """
    require_run(folder)
    request = parse_overrides(overrides, catalog)
    if any(key == "recipe" for key in request.settings):
        what = "A saved run keeps its configuration; start a new run to use a recipe."
        raise ConfigError(Problem("recipe=...", what))
    foreign = [
        Problem(printable(word), "A saved run takes no settings of Hydra; they belong to `dlrun train`.")
        for word in request.hydra
    ]
    path = str(folder / "config.yaml")
    request = dataclasses.replace(
        request,
        settings={"recipe": (Value(path, path),), **_without_data(folder, request, catalog), **request.settings},
        hydra=(),
        problems=(*request.problems, *foreign),
    )
    try:
        (plan,) = plan_runs(request, catalog, own=True)
    except ConfigError:
        _require_plugins(folder, read_yaml(folder / "config.yaml").get("recipe"), catalog)
        raise  # with a plugin missing, its options would be reported as unknown
    _require_plugins(folder, plan.recipe.about if plan.recipe else {}, catalog)
    return without_downloads(compose(plan, catalog), given=request.settings)


def _without_data(folder: Path, request: Request, catalog: Catalog) -> dict[str, tuple[Value, ...]]:
    """Return settings in place of the data that a published model does not have; none for a run's folder.

    Raises StorageError for a published model that is damaged, and ConfigError if its configuration reaches further
    than its folder, or a plugin of it is not given.
    """
    if not is_published(folder):
        return {}
    content = read_published(folder, CONFIG, read_manifest(folder))
    tree = parse_yaml(content, name=str(folder / CONFIG))
    try:
        check_published(tree, catalog)
    except ConfigError:
        _require_plugins(folder, tree.get("recipe"), catalog)
        raise
    for name in changed_plugins(tree, catalog):
        tell([f"{name} is not the plugin that this model was published with (its SHA-256 differs)."])
    return {key: (value_of(NO_DATA),) for key in data_left_to_user(tree, catalog, given=request.settings)}


def refuse_published(folder: Path, verb: str) -> None:
    """Raise ConfigError for a published model where only a run's folder will do."""
    if is_published(folder):
        recipe = folder / (RECIPE if (folder / RECIPE).exists() else CONFIG)
        what = (
            f"This is a published model: it has no state of a training, which `dlrun {verb}` needs. It can be used by "
            f"`dlrun predict`, `eval` and `export`, and trained again: dlrun recipe={recipe}"
        )
        raise ConfigError(Problem(printable(str(folder)), printable(what, limit=1000)))


def without_downloads(composed: Composed, *, given: Container[str]) -> Composed:
    """Let a saved run, which may be somebody else's, download only to the default folder from the default addresses.

    given: keys that the user set. The configuration as text, which identifies the run, stays as it is.
    """
    config = composed.config
    is_own = config.dataset.name in builtin_names("dataset")
    fields = builtin_option("dataset", config.dataset.name).fields if is_own else {}
    chosen = [
        name
        for name, entry in fields.items()
        if (has_mark(entry.kind, WrittenPath) or has_mark(entry.kind, NetworkAddress))
        and config.dataset[name] != entry.default
        and f"dataset.{name}" not in given
    ]
    if not chosen or "dataset.download" in given:
        return composed
    arguments = {**config.dataset.arguments, "download": False}
    dataset = dataclasses.replace(config.dataset, arguments=arguments)
    return dataclasses.replace(composed, config=dataclasses.replace(config, dataset=dataset))


def _require_plugins(folder: Path, about: object, catalog: Catalog) -> None:
    """Raise ConfigError if the recipe block of a run lists plugins that are not given."""
    used = about.get("plugins") if isinstance(about, Mapping) else None
    missing = set(used if isinstance(used, Mapping) else ()) - {plugin.name for plugin in catalog.plugins}
    if missing:
        what = f"This run used the plugin {', '.join(sorted(map(str, missing)))}: add --plugin FILE."
        raise ConfigError(Problem(printable(str(folder)), what))
