"""From overrides to one checked RunConfig: the recipe is unfolded, everything checked, then Hydra composes `conf/`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlrun.configuration import check, recipe
from dlrun.configuration import run_config as config
from dlrun.configuration.check import check_hydra as check_hydra
from dlrun.configuration.overrides import MAX_POINTS, Point, Request, Value, as_text, too_many, value_of, words_of
from dlrun.configuration.recipe import Recipe
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema import groups as schema
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS
from dlrun.configuration.schema.groups import default_choices as default_choices
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable, show

_KEEPS_PROMISE = ("dataset.root", "device", "logger", "checkpoint", "recipe", "resume")


@dataclass(frozen=True)
class Composed:
    """A run ready to start: its configuration, the folder asked for and where each value came from."""

    config: RunConfig
    run_dir: str
    run_dir_asked: bool
    origins: Mapping[str, str]  # dotted key -> what set it; keys not here have their option's default
    notices: tuple[str, ...] = ()
    recipe: Recipe | None = None
    choices: Mapping[str, str] = field(default_factory=dict)  # the option or preset chosen for each group


@dataclass(frozen=True)
class Plan:
    """A point with its recipe unfolded: the options chosen and the values set, each with its origin."""

    choices: Mapping[str, str]
    values: Mapping[str, Value]
    origins: Mapping[str, str]
    notices: tuple[str, ...] = field(default=())
    recipe: Recipe | None = None

    def words(self) -> list[str]:
        """Overrides for Hydra."""
        return words_of([*((key, Value(name, name)) for key, name in self.choices.items()), *self.values.items()])


def plan(point: Point, catalog: Catalog, *, own: bool = False) -> Plan:
    """Unfold the point's recipe; what the user set wins over it. `own`: it is the user's own run, to go on with.

    Raises ConfigError when the recipe cannot be used.
    """
    loaded = recipe.load(point.recipe, catalog, own=own, given=point.settings) if point.recipe is not None else None
    choices, values = point.choices(), point.values()
    origins = {
        name: f"override {key}={value.text}" for key, value in point.settings.items() for name in _names(key, value)
    }
    if loaded is None:
        return Plan(choices, values, origins)
    source = f"recipe {printable(str(loaded.path), limit=4096)}"
    origins |= {key: f"sweep {key}={point.settings[key].text} of {source}" for key in point.from_recipe}
    kept = _kept(loaded, choices, values)
    from_file = [name for key, value in kept.items() for name in _names(key, value)]
    for key in (*from_file, *loaded.choices):
        origins.setdefault(key, source)
    notices = tuple(
        f"{group}={choices[group]} replaces the recipe's {group} {name} and its fields."
        for group, name in loaded.choices.items()
        if choices.get(group, name) != name
    )
    return Plan({**loaded.choices, **choices}, {**kept, **values}, origins, notices, loaded)


def _names(key: str, value: Value) -> list[str]:
    """The keys that an override sets: its own, and those inside a mapping."""
    return [key, *(f"{key}.{name}" for name in (value.value if isinstance(value.value, dict) else ()))]


def _kept(loaded: Recipe, choices: Mapping[str, str], values: Mapping[str, Value]) -> dict[str, Value]:
    """A recipe's values without those that the user set, and those of options that the user replaced."""
    kept = {}
    for key, value in loaded.values.items():
        group, parent = key.split(".")[0], values.get(key.rpartition(".")[0])
        is_set = key in values or (parent is not None and key in _names(key.rpartition(".")[0], parent))
        if not is_set and choices.get(group) in (None, loaded.choices.get(group, choices.get(group))):
            kept[key] = value_of(value)
    return kept


def points(request: Request, catalog: Catalog) -> list[Point]:
    """Every run asked for; with `-m` that includes what the recipes sweep themselves.

    Raises ConfigError when there are too many or a recipe cannot be used; `check_request` tells of all else.
    """
    names = [value.value for value in request.settings.get("recipe", ())] if request.multirun else []
    swept = {
        name: recipe.load(str(name), catalog, given=request.settings).sweep_values(request.settings)
        for name in names
        if name is not None
    }
    if not any(swept.values()):
        return request.points()
    return [
        point for name in names for point in request.points(swept.get(name)) if point.settings["recipe"].value == name
    ]


def check_request(request: Request, catalog: Catalog) -> list[Problem]:
    """Everything wrong with every point that is asked for, each mistake once: words first, then what they say."""
    problems = [*request.problems, *check_hydra(request.hydra)]
    for value in request.settings.get("recipe", (Value("null", None),)):
        loaded, wrong = _load(value, catalog, request.settings)
        swept = loaded.sweep_values(request.settings) if loaded is not None and request.multirun else {}
        settings = {**swept, **request.settings}
        if loaded is None and wrong:  # which options the fields belong to is known only for those named
            settings = {key: values for key, values in settings.items() if _is_sure(key, settings)}
        choices = {key: values for key, values in settings.items() if key in GROUPS}
        values = {key: values for key, values in settings.items() if key not in GROUPS and key != "recipe"}
        of_recipe = {group: [Value(name, name)] for group, name in loaded.choices.items()} if loaded is not None else {}
        found, options = check.check_settings({**of_recipe, **choices}, values, catalog)
        problems += [*wrong, *found]
        size = math.prod(map(len, settings.values()))
        if size > MAX_POINTS:
            problems.append(too_many(size))
        elif not (wrong or found or request.problems):
            problems += _check_together(options, values, loaded, catalog)
    return list(dict.fromkeys(problems))


def _is_sure(key: str, settings: Mapping[str, Any]) -> bool:
    group = key.partition(".")[0]
    return group not in GROUPS or group in settings or GROUPS[group].folder is None


def _load(value: Value, catalog: Catalog, given: Collection[str]) -> tuple[Recipe | None, list[Problem]]:
    """The recipe asked for, and what is wrong with it."""
    shown = f"recipe={printable(value.text)}"
    if value.value is None:
        return None, []
    if not isinstance(value.value, str) or value.is_deferred:
        return None, [Problem(shown, f"Expected a recipe's name or file, got {show(value.value)}.")]
    try:
        return recipe.load(value.value, catalog, given=given), []
    except ConfigError as error:
        named = [
            each if each.where.startswith("recipe=") else Problem(f"{shown}: {each.where}", each.message)
            for each in error.problems
        ]
        return None, named or [Problem(shown, str(error))]


def _check_together(
    options: Mapping[str, Sequence[schema.Option]],
    values: Mapping[str, Sequence[Value]],
    loaded: Recipe | None,
    catalog: Catalog,
) -> list[Problem]:
    """Values that are nowhere given, and contradictions between values that are each right."""
    problems: list[Problem] = []
    for option in itertools.chain.from_iterable(options.values()):
        kept = _kept(loaded, {option.group: option.name}, {}) if loaded is not None else {}
        problems += check.missing(option, {*kept, *values})
    decisive = {key: taken for key, taken in values.items() if check.is_decisive(key, options)}
    if any(value.is_deferred for taken in decisive.values() for value in taken):
        return problems  # told after composing
    for chosen in itertools.product(*(options[group] for group in check.DECISIVE_GROUPS)):
        names = {option.group: option.name for option in chosen}
        kept = _kept(loaded, names, {}) if loaded is not None else {}
        for combination in itertools.product(*decisive.values()):
            settings = {**kept, **dict(zip(decisive, combination, strict=True))}
            tree = check.tree_of(chosen, {key: value.value for key, value in settings.items()})
            problems += check.contradictions(tree, catalog)
    return problems


def check_plan(planned: Plan, catalog: Catalog) -> list[Problem]:
    """Everything wrong with a plan that can be told before composing it: keys, options, types and ranges."""
    choices = {group: [Value(name, name)] for group, name in planned.choices.items()}
    return check.check_settings(choices, {key: [value] for key, value in planned.values.items()}, catalog)[0]


def compose(planned: Plan, catalog: Catalog, *, hydra_words: Sequence[str] = ()) -> Composed:
    """Compose `conf/` with Hydra and type the result.

    Raises ConfigError with every problem found, in the plan or after composing.
    """
    problems = check_plan(planned, catalog) + check_hydra(hydra_words)
    if problems:
        raise ConfigError(problems)
    tree, run_dir = _compose_with_hydra([*planned.words(), *hydra_words], catalog)
    tree["recipe"] = _about(planned, catalog)
    chosen = {**default_choices(), **planned.choices}
    for group, name in chosen.items():  # what a preset leaves out comes from the option that it is a preset of
        tree[group] = {**catalog.option(group, name).defaults(), **tree[group]}
    return Composed(
        config=config.build(tree, catalog),
        run_dir=run_dir,
        run_dir_asked=any(word.lstrip("+").startswith("hydra.run.dir=") for word in hydra_words),
        origins=planned.origins,
        notices=planned.notices,
        recipe=planned.recipe,
        choices=chosen,
    )


def _about(planned: Plan, catalog: Catalog) -> dict[str, Any]:
    """The block that makes a run's config.yaml a recipe; a promise stands only for what was promised."""
    about: dict[str, Any] = {"format": recipe.FORMAT}
    if planned.recipe is not None:
        about.update(planned.recipe.about)
        changed = (key for key, origin in planned.origins.items() if not origin.startswith("recipe "))
        if any(not key.startswith(_KEEPS_PROMISE) for key in changed):
            about.pop("expect", None)
            about.pop("command", None)
    if catalog.plugins:
        import hashlib

        about["plugins"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in catalog.plugins}
    return about


def _compose_with_hydra(words: list[str], catalog: Catalog) -> tuple[dict[str, Any], str]:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf, open_dict
    from omegaconf.errors import OmegaConfBaseException

    for option in catalog.without_conf():
        store = ConfigStore.instance()
        store.store(group=option.group, name=option.name, node=option.defaults(), provider=option.origin)
    if catalog.config_dirs:
        folders = [f"file://{folder}" for folder in catalog.config_dirs]
        words = [*words, f"hydra.searchpath={as_text(folders)}"]
    try:
        if GlobalHydra.instance().is_initialized():  # within a sweep's job
            composed = hydra_compose("config", overrides=words, return_hydra_config=True)
        else:
            with initialize_config_dir(
                str(schema.resource_dir("conf").resolve()), version_base="1.3", job_name="dlrun"
            ):
                composed = hydra_compose("config", overrides=words, return_hydra_config=True)
        run_dir = str(composed.hydra.run.dir)
        OmegaConf.set_readonly(composed, False)
        with open_dict(composed):
            del composed["hydra"]
        tree = OmegaConf.to_container(composed, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"The configuration cannot be composed: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError("The configuration cannot be composed: it is not a mapping.")
    return {str(key): value for key, value in tree.items()}, run_dir
