"""From overrides to one checked RunConfig: the recipe is unfolded, everything checked, then Hydra composes `conf/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlrun import config, recipe, safe_yaml, schema
from dlrun.config import RunConfig
from dlrun.errors import ConfigError, Problem, did_you_mean, nearest
from dlrun.fields import misfit, printable
from dlrun.overrides import Point, Value, value_of, words_of
from dlrun.recipe import Recipe
from dlrun.registry import Catalog
from dlrun.schema import GROUPS, TOP_LEVEL

_HYDRA_KEYS = (
    "run", "sweep", "launcher", "sweeper", "job", "job_logging", "hydra_logging", "output_subdir", "verbose",
    "searchpath", "mode", "callbacks", "env", "help", "hydra_help", "runtime", "overrides",
)  # fmt: skip
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


def plan(point: Point, catalog: Catalog) -> Plan:
    """Unfold the point's recipe; what the user set wins over it.

    Raises ConfigError when the recipe cannot be used.
    """
    loaded = recipe.load(point.recipe, catalog) if point.recipe is not None else None
    choices, values = point.choices(), point.values()
    origins = {key: f"override {key}={value.text}" for key, value in point.settings.items()}
    if loaded is None:
        return Plan(choices, values, origins)
    notices = []
    source = f"recipe {loaded.path}"
    chosen = {}
    for group, name in loaded.choices.items():
        if choices.get(group, name) != name:
            notices.append(f"{group}={choices[group]} replaces the recipe's {group} {name} and its fields.")
        chosen[group] = choices.get(group, name)
    kept: dict[str, Value] = {}
    for key, value in loaded.values.items():
        group = key.split(".")[0]
        if key not in values and (group not in loaded.choices or chosen[group] == loaded.choices[group]):
            kept[key] = value_of(value)
            origins[key] = source
    for group in loaded.choices:
        origins.setdefault(group, source)
    return Plan({**choices, **chosen}, {**kept, **values}, origins, tuple(notices), loaded)


def default_choices() -> dict[str, str]:
    """The option each group has when nobody chooses one, from `conf/config.yaml`."""
    root = safe_yaml.read(schema.share("conf") / "config.yaml")
    return {key: str(value) for entry in root["defaults"] if isinstance(entry, dict) for key, value in entry.items() if key in GROUPS}


def check(planned: Plan, catalog: Catalog) -> list[Problem]:
    """Everything wrong with a plan that can be told before composing it: keys, options, types and ranges."""
    problems: list[Problem] = []
    options: dict[str, schema.Option] = {}
    for group, name in {**default_choices(), **planned.choices}.items():
        try:
            options[group] = catalog.option(group, name)
        except ConfigError as error:
            problems += error.problems or [Problem(group, str(error))]
            near = nearest(name, catalog.names(group))
            if near is not None:  # so that its fields can be checked too
                options[group] = catalog.option(group, near)
    for key, value in planned.values.items():
        if not value.is_deferred:
            problems += _check_value(key, value, options)
        elif key.split(".")[0] not in options and key not in TOP_LEVEL:
            problems.append(_unknown(key, value, options))
    return problems


def _check_value(key: str, value: Value, options: Mapping[str, schema.Option]) -> list[Problem]:
    group, _, rest = key.partition(".")
    shown = f"{printable(key)}={printable(value.text)}"
    if key in TOP_LEVEL:
        return [Problem(shown, message) for _, message in misfit(TOP_LEVEL[key], value.value, key=key)]
    if group in GROUPS and rest:
        if group not in options:  # its option is unknown, which is told already
            return []
        return [Problem(shown, problem.message) for problem in config.check_field(options[group], rest, value.value)]
    return [_unknown(key, value, options)]


def _unknown(key: str, value: Value, options: Mapping[str, schema.Option]) -> Problem:
    """A key that is neither a group nor a field, with the nearest that is."""
    shown = f"{printable(key)}={printable(value.text)}"
    first, _, rest = key.replace("/", ".").partition(".")
    top = [*GROUPS, *TOP_LEVEL, "recipe"]
    near = nearest(first, top)
    if near is not None and rest and near in options:
        found = nearest(rest.split(".")[0], options[near].fields)
        near = f"{near}.{found or rest}"
    if near is None:  # perhaps a field whose group was left out: lr for optimizer.lr
        last = key.split(".")[-1]
        owners = {name: f"{group}.{name}" for group, option in reversed(options.items()) for name in option.fields}
        found = nearest(last, owners)
        near = owners[found] if found is not None else None
    hint = f'Did you mean "{near}"?' if near is not None else did_you_mean(first, top)
    return Problem(shown, f'There is no key "{printable(key)}". {hint}')


def check_hydra(words: Sequence[str]) -> list[Problem]:
    """Mistyped keys of Hydra's own node, which Hydra itself passes over in silence."""
    problems = []
    for word in words:
        key = word.lstrip("+~").split("=")[0]
        parts = key.replace("/", ".").split(".")
        if len(parts) > 1 and parts[1] not in _HYDRA_KEYS:
            problems.append(Problem(printable(word), f'Hydra has no key "{printable(key)}". {did_you_mean(parts[1], _HYDRA_KEYS, prefix="hydra.")}'))
    return problems


def compose(planned: Plan, catalog: Catalog, *, hydra_words: Sequence[str] = ()) -> Composed:
    """Compose `conf/` with Hydra and type the result.

    Raises ConfigError with every problem found, in the plan or after composing.
    """
    problems = check(planned, catalog) + check_hydra(hydra_words)
    if problems:
        raise ConfigError(problems)
    tree, run_dir = _compose_with_hydra([*planned.words(), *hydra_words], catalog)
    tree["recipe"] = _about(planned, catalog)
    return Composed(
        config=config.build(tree, catalog),
        run_dir=run_dir,
        run_dir_asked=any(word.lstrip("+").startswith("hydra.run.dir=") for word in hydra_words),
        origins=planned.origins,
        notices=planned.notices,
        recipe=planned.recipe,
    )


def _about(planned: Plan, catalog: Catalog) -> dict[str, Any]:
    """The block that makes a run's config.yaml a recipe; a promise stands only for what was promised."""
    about: dict[str, Any] = {"format": recipe.FORMAT}
    if planned.recipe is not None:
        about.update(planned.recipe.about)
        changed = [key for key, origin in planned.origins.items() if origin.startswith("override ") and not key.startswith(_KEEPS_PROMISE)]
        if changed:
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
        ConfigStore.instance().store(group=option.group, name=option.name, node=option.defaults(), provider=option.origin)
    if catalog.config_dirs:
        folders = ",".join(f'"file://{folder}"' for folder in catalog.config_dirs)
        words = [*words, f"hydra.searchpath=[{folders}]"]
    try:
        if GlobalHydra.instance().is_initialized():  # within a sweep's job
            composed = hydra_compose("config", overrides=words, return_hydra_config=True)
        else:
            with initialize_config_dir(str(schema.share("conf").resolve()), version_base="1.3", job_name="dlrun"):
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
