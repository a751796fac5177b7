"""From a checked plan to a typed RunConfig: Hydra composes `conf/` and the plan's overrides."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.configuration import machine
from dlrun.configuration.check import check_tree
from dlrun.configuration.dotted import set_value
from dlrun.configuration.override_text import Value, as_text
from dlrun.configuration.plan import Plan
from dlrun.configuration.recipes import promise as promise_block
from dlrun.configuration.recipes.block import FORMAT
from dlrun.configuration.recipes.left_out import data_files_left_to_user, keeps_promise
from dlrun.configuration.recipes.recipe import Recipe
from dlrun.configuration.run_config import RunConfig, build_run_config
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import Option, resource_dir
from dlrun.configuration.schema.several import name_in_hydra
from dlrun.configuration.schema.type_check import LITERAL_NAMES
from dlrun.configuration.sharing import find_too_small_batches, find_unshardable
from dlrun.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

_NAMED_FOLDER = re.compile(r"hydra\.run\.dir=(?P<folder>/?[A-Za-z_]\w*(?:[./-]\w+)*)", re.ASCII)


@dataclass(frozen=True)
class Composed:
    """A run ready to start: its configuration, its folder and what set each value.

    run_dir: empty for a point of a sweep, whose folder the sweep decides.
    """

    config: RunConfig
    run_dir: str
    run_dir_asked: bool  # whether the user named the folder
    origins: Mapping[str, str]  # what set each dotted key; all others have their option's default
    notices: tuple[str, ...] = ()
    recipe: Recipe | None = None
    choices: Mapping[str, str] = field(default_factory=dict)  # the option or preset of each group


def compose(plan: Plan, catalog: Catalog, *, hydra_words: Sequence[str] = ()) -> Composed:
    """Compose `conf/` with Hydra, check what only composing determines, and type the result.

    hydra_words: overrides of Hydra's own keys.

    Raises ConfigError with every problem found.
    """
    choices = plan.choices_with_defaults(catalog)
    options = {group: catalog.option(group, name) for group, name in choices.items()}
    tree, run_dir = _compose_with_hydra(plan, choices, list(options.values()), catalog.config_dirs, hydra_words)
    origins = plan.origins()
    tree["recipe"] = _recipe_block(plan, origins, catalog)
    for group, option in options.items():  # a preset may set only some fields of its option
        tree[group] = {**option.defaults(), **tree[group]}
    problems = []
    if any(option.is_preset for option in options.values()):  # its file is the user's and may set anything
        problems = check_tree(tree, catalog)
    else:
        values = plan.values()
        unchecked = {".".join(key.split(".")[:2]) for key, value in values.items() if value.is_deferred}
        for group, option in options.items():
            if option.origin != "dlrun":  # its defaults are not tested as those in `conf/` are
                unchecked |= {f"{group}.{name}" for name in option.fields} - set(values)
        if unchecked:
            problems = check_tree(tree, catalog, keys=unchecked)
    problems = problems or [*machine.find_excesses(tree), *find_too_small_batches(tree), *find_unshardable(tree)]
    if problems:
        raise ConfigError(problems)
    return Composed(
        config=build_run_config(tree, catalog),
        run_dir=run_dir,
        run_dir_asked=any(word.lstrip("+").startswith("hydra.run.dir=") for word in hydra_words),
        origins=origins,
        notices=(*plan.notices(), *machine.notices(tree)),
        recipe=plan.recipe,
        choices=choices,
    )


def _recipe_block(plan: Plan, origins: Mapping[str, str], catalog: Catalog) -> dict[str, Any]:
    """Return the block that makes a run's config.yaml a recipe; it keeps a promise only if nothing decisive changed."""
    block: dict[str, Any] = {"format": FORMAT}
    if plan.recipe is not None:
        block.update(plan.recipe.about)
        changed = (key for key, origin in origins.items() if not origin.startswith("recipe "))
        left_to_user = data_files_left_to_user(plan.recipe.values)
        if not all(keeps_promise(key, left_to_user=left_to_user) for key in changed):
            for key in ("command", *promise_block.KEYS):
                block.pop(key, None)
    if catalog.plugins:
        block["plugins"] = catalog.plugin_hashes()
    return block


def _compose_with_hydra(
    plan: Plan,
    choices: Mapping[str, str],
    options: Sequence[Option],
    config_dirs: Sequence[Path],
    hydra_words: Sequence[str],
) -> tuple[dict[str, Any], str]:
    """Return the composed tree without Hydra's own node, and the run's folder."""
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    words, values = tuple(plan.hydra_overrides(choices)), plan.values()
    chosen, defaults = words[: len(words) - len(values)], _defaults_without_conf(choices, options)
    try:
        chosen += search_words(config_dirs)
        named = None if config_dirs else _named_folder(hydra_words)
        if named is not None and _are_plain(values, options):  # nothing else depends on the folder's name
            return _with_values(_compose_plain(chosen, defaults), values), named
        if hydra_words or (config_dirs and not plan.point.swept):  # the user's files may refer to Hydra's own node
            return _as_containers(_run_hydra((*chosen, *words[len(words) - len(values) :], *hydra_words), defaults))
        if _are_plain(values, options):
            own = "" if plan.point.swept else _run_dir(_compose_options(chosen, defaults))  # takes longer than the rest
            return _with_values(_compose_plain(chosen, defaults), values), own
        if not plan.point.swept:
            return _as_containers(_run_hydra(words, defaults))
        composed = copy.deepcopy(_compose_options(chosen, defaults))
        OmegaConf.set_readonly(composed, value=False)
        for key, value in values.items():  # as Hydra itself applies `++key=value`
            OmegaConf.update(composed, key, value.value, force_add=True)
        return _as_containers(composed)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"Cannot compose the configuration: {error}") from error


def _named_folder(hydra_words: Sequence[str]) -> str | None:
    """Return the run's folder, if these words name it plainly and say nothing else; None if Hydra has to read them."""
    found = _NAMED_FOLDER.fullmatch(hydra_words[0]) if len(hydra_words) == 1 else None
    return None if found is None or found["folder"].lower() in LITERAL_NAMES else found["folder"]


def _run_dir(composed: DictConfig) -> str:
    """Return the run's folder, whose name has the time of now."""
    from omegaconf import OmegaConf

    OmegaConf.clear_cache(composed)  # of the time at the last call
    return str(composed.hydra.run.dir)


def _as_containers(composed: DictConfig) -> tuple[dict[str, Any], str]:
    """Return a composed tree as plain containers without Hydra's own node, and the run's folder."""
    from omegaconf import OmegaConf, open_dict

    run_dir = _run_dir(composed)
    OmegaConf.set_readonly(composed, value=False)
    with open_dict(composed):
        del composed["hydra"]
    tree = OmegaConf.to_container(composed, resolve=True)
    if not isinstance(tree, dict):
        raise ConfigError("Cannot compose the configuration: it is not a mapping.")
    return {str(key): value for key, value in tree.items()}, run_dir


def _are_plain(values: Mapping[str, Value], options: Sequence[Option]) -> bool:
    """Return whether values can be set after composing: nothing refers to them, and none is merged into a mapping."""
    return all(option.origin == "dlrun" for option in options) and not any(
        value.is_deferred or isinstance(value.value, dict) for value in values.values()
    )


@lru_cache(maxsize=64)
def _compose_plain(words: tuple[str, ...], defaults: tuple[tuple[str, str, str], ...]) -> str:
    """Return the tree that all configurations with the same options begin with, as JSON."""
    return json.dumps(_as_containers(copy.deepcopy(_compose_options(words, defaults)))[0])


def _with_values(tree: str, values: Mapping[str, Value]) -> dict[str, Any]:
    """Return a tree, given as JSON, with values by dotted key."""
    found: dict[str, Any] = json.loads(tree)
    for key, value in values.items():
        set_value(found, key, copy.deepcopy(value.value))
    return found


def _defaults_without_conf(choices: Mapping[str, str], options: Sequence[Option]) -> tuple[tuple[str, str, str], ...]:
    """Return group, name and defaults, as JSON, of each option without a YAML file."""
    return tuple(
        (option.group, name_in_hydra(choices[option.group]), json.dumps(option.defaults()))
        for option in options
        if option.conf is None
    )


@lru_cache(maxsize=64)
def _compose_options(words: tuple[str, ...], defaults: tuple[tuple[str, str, str], ...]) -> DictConfig:
    """Compose the options that many points of a sweep share, once."""
    return _run_hydra(words, defaults)


def _run_hydra(words: Sequence[str], defaults: Sequence[tuple[str, str, str]]) -> DictConfig:
    """Compose `conf/` with overrides, after registering the defaults of options without a YAML file."""
    _register(defaults)
    return compose_file("config", words)


def register_defaults(choices: Mapping[str, str], catalog: Catalog) -> None:
    """Let Hydra know the defaults of each chosen option without a YAML file."""
    _register(_defaults_without_conf(choices, [catalog.option(group, name) for group, name in choices.items()]))


def _register(defaults: Sequence[tuple[str, str, str]]) -> None:
    from hydra.core.config_store import ConfigStore

    for group, name, node in defaults:
        ConfigStore.instance().store(group=group, name=name, node=json.loads(node), provider="dlrun")


def compose_file(name: str, words: Sequence[str]) -> DictConfig:
    """Compose a file of `conf/` with overrides and Hydra's own node. Raises HydraException for a wrong override."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    if GlobalHydra.instance().is_initialized():  # within a sweep's job
        return hydra_compose(name, overrides=list(words), return_hydra_config=True)
    with initialize_config_dir(str(resource_dir("conf").resolve()), version_base="1.3", job_name="dlrun"):
        return hydra_compose(name, overrides=list(words), return_hydra_config=True)


def search_words(config_dirs: Sequence[Path]) -> tuple[str, ...]:
    """Return the override by which Hydra finds options in these folders too; none without folders."""
    return (f"hydra.searchpath={as_text([f'file://{folder}' for folder in config_dirs])}",) if config_dirs else ()
