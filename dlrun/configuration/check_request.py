"""Check a whole request at once: everything wrong with any of its points that is known without composing them."""

from __future__ import annotations

import copy
import itertools
import math
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlrun.configuration.check import check_contradictions, check_field, check_override, check_required
from dlrun.configuration.override_text import Value, value_of
from dlrun.configuration.overrides import MAX_POINTS, Request, too_many_points
from dlrun.configuration.recipes.recipe import Recipe
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import (
    DEPENDS_ON,
    GROUPS,
    TOP_LEVEL,
    Option,
    deciding_fields,
    default_choices,
    default_option,
)
from dlrun.configuration.schema.signature import MISSING
from dlrun.configuration.sweeps.check_ranges import check_ranges
from dlrun.configuration.sweeps.check_search import check_search
from dlrun.errors import Problem, did_you_mean, nearest
from dlrun.wording import printable

_HYDRA_KEYS = (
    "run", "sweep", "launcher", "sweeper", "job", "job_logging", "hydra_logging", "output_subdir", "verbose",
    "searchpath", "mode", "callbacks", "env", "help", "hydra_help", "runtime", "overrides",
)  # fmt: skip
_CONTRADICTING_GROUPS = ("dataset", "model", "optimizer", "trainer")
_CONTRADICTING_KEYS = (
    "dataset.val_fraction", "dataset.test_fraction", "dataset.val", "dataset.folds", "dataset.fold",
    "trainer.epochs", "trainer.max_steps",
    "trainer.early_stop", "trainer.early_stop.patience",
)  # fmt: skip


def check_request(
    request: Request, recipes: Sequence[tuple[Recipe | None, list[Problem]]], catalog: Catalog
) -> list[Problem]:
    """Return everything wrong with any point of a request, each mistake once.

    recipes: for each value of `recipe` the checked recipe, None if there is none, and what is wrong with it.
    """
    problems = [*request.problems, *check_hydra_overrides(request.hydra)]
    for recipe, wrong in recipes:
        swept = recipe.sweep_values(request.given) if recipe is not None and request.multirun else {}
        ranges = recipe.sweep_ranges(request.given) if recipe is not None and request.multirun else {}
        settings = {**swept, **request.settings}
        if recipe is None and wrong:  # which options have the other fields is unknown
            settings = {key: values for key, values in settings.items() if _has_known_option(key, settings)}
        choices = {key: values for key, values in settings.items() if key in GROUPS}
        values = {key: values for key, values in settings.items() if key not in GROUPS and key != "recipe"}
        of_recipe = {group: [Value(name, name)] for group, name in recipe.choices.items()} if recipe is not None else {}
        unchecked = {key: values for key, values in values.items() if key not in swept}  # a recipe's are checked
        fixed = {key: (value_of(value),) for key, value in recipe.values.items()} if recipe is not None else {}
        found, options = check_overrides({**of_recipe, **choices}, unchecked, catalog, fixed={**fixed, **values})
        typed, of_ranges = check_ranges({**ranges, **request.ranges}, options)
        problems += [*wrong, *found, *of_ranges]
        if request.multirun:
            is_whole = not (wrong or of_ranges or request.problems)
            problems += check_search(request, typed, settings, is_whole=is_whole)
        size = math.prod(map(len, settings.values()))
        if size > MAX_POINTS and not request.is_search:
            problems.append(too_many_points(size))
        elif not (wrong or found or of_ranges or request.problems):
            examined = {**values, **{key: each.examples() for key, each in typed.items()}}
            problems += _check_together(options, examined, recipe, catalog)
    return list(dict.fromkeys(problems))


def check_hydra_overrides(words: Sequence[str]) -> list[Problem]:
    """Return a problem for each unknown key below `hydra`, which Hydra itself would ignore."""
    problems = []
    for word in words:
        key = word.lstrip("+~").split("=")[0]
        parts = key.replace("/", ".").split(".")
        if len(parts) > 1 and parts[1] not in _HYDRA_KEYS:
            near = nearest(parts[1], _HYDRA_KEYS)
            hint = (
                f'Did you mean "{".".join(["hydra", near, *parts[2:]])}"?'
                if near
                else did_you_mean("", _HYDRA_KEYS, prefix="hydra.")
            )
            what = f'Hydra has no key "{printable(key)}". {hint}'
            fix = f"{'.'.join(['hydra', near, *parts[2:]])}={printable(word.partition('=')[2])}" if near else None
            problems.append(Problem(printable(word), what, "unknown-key", fix))
    return problems


def check_overrides(
    choices: Mapping[str, Sequence[Value]],
    values: Mapping[str, Sequence[Value]],
    catalog: Catalog,
    *,
    fixed: Mapping[str, Sequence[Value]],
) -> tuple[list[Problem], dict[str, list[Option]]]:
    """Return everything wrong with overrides that is known without composing, and the options that they choose.

    Each value is checked with each option chosen for its group, however many points they make together.
    fixed: all values, also those of a recipe, on which default options may depend.
    """
    problems: list[Problem] = []
    options: dict[str, list[Option]] = {}
    for group, default in default_choices().items():
        options[group] = []
        for choice in choices.get(group, _defaults_of(group, default, options, fixed)):
            option, wrong = catalog.find(group, choice.value, choice.text)
            problems += wrong
            if option is not None and option not in options[group]:
                options[group].append(option)
    first = {group: found[0] for group, found in options.items() if found}
    for key, taken in values.items():
        group = key.partition(".")[0]
        known = [value for value in taken if not (value.is_deferred and (group in GROUPS or key in TOP_LEVEL))]
        chosen = [{**first, group: option} for option in options[group]] if group in GROUPS else [first]
        found = [
            problem
            for each in chosen
            for value in known
            for problem in check_override(key, value.text, value.value, each)
        ]
        by_message = {problem.message: problem for problem in reversed(found)}  # an unknown key once, not per value
        problems += reversed(by_message.values())
    return problems, options


def _defaults_of(
    group: str, default: str, options: Mapping[str, Sequence[Option]], values: Mapping[str, Sequence[Value]]
) -> list[Value]:
    """The default options of a group, one for each option of the group that they depend on, and each value."""
    other = DEPENDS_ON.get(group)
    if other is None:
        return [Value(default, default)]
    keys = [key for key in values if key in deciding_fields(group)]
    points = [
        {key: value.value for key, value in zip(keys, combination, strict=True)}
        for combination in itertools.product(*(values[key] for key in keys))
    ]
    names = dict.fromkeys(default_option(group, option.name, point) for option in options[other] for point in points)
    return [Value(name, name) for name in names] or [Value(default, default)]


def _has_known_option(key: str, settings: Mapping[str, Any]) -> bool:
    group = key.partition(".")[0]
    return group not in GROUPS or group in settings or GROUPS[group].folder is None


def _check_together(
    options: Mapping[str, Sequence[Option]],
    values: Mapping[str, Sequence[Value]],
    recipe: Recipe | None,
    catalog: Catalog,
) -> list[Problem]:
    """Return required fields that are not set, and contradictions between values that are each valid."""
    problems: list[Problem] = []
    unset: list[Problem] = []  # fields that the recipe leaves to the user
    for option in itertools.chain.from_iterable(options.values()):
        of_recipe = recipe.values_with({option.group: option.name}, {}) if recipe is not None else {}
        problems += check_required(option, {*of_recipe, *values})
        for key, value in of_recipe.items():
            group, _, field = key.partition(".")
            if value.value == MISSING and key not in values and group == option.group:
                unset += check_field(option, field, MISSING)
    decisive = {key: taken for key, taken in values.items() if can_contradict(key, options)}
    if unset or any(value.is_deferred for taken in decisive.values() for value in taken):
        return problems + unset  # contradictions with an interpolation are known only after composing
    for chosen in itertools.product(*(options[group] for group in _CONTRADICTING_GROUPS)):
        if not all(map(_has_valid_defaults, chosen)):
            continue  # reported after composing, which resolves a preset's interpolations
        names = {option.group: option.name for option in chosen}
        of_recipe = recipe.values_with(names, {}) if recipe is not None else {}
        for combination in itertools.product(*decisive.values()):
            settings = {**of_recipe, **dict(zip(decisive, combination, strict=True))}
            tree = uncomposed_tree(chosen, {key: value.value for key, value in settings.items()})
            problems += check_contradictions(tree, catalog)
    return problems


def _has_valid_defaults(option: Option) -> bool:
    """Return whether the defaults of an option that is not dlrun's own suit its fields, required ones aside."""
    if option.origin == "dlrun" and not option.is_preset:
        return True
    return not any(
        check_field(option, key, field.default) for key, field in option.fields.items() if field.default != MISSING
    )


def can_contradict(key: str, options: Mapping[str, Sequence[Option]]) -> bool:
    """Return whether `check_contradictions` reads a key."""
    field = key.split(".")[1] if key.startswith("model.") else ""
    return key in _CONTRADICTING_KEYS or any(
        field in option.fields and typing.get_origin(option.fields[field].kind) is dict for option in options["model"]
    )


def uncomposed_tree(options: Iterable[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tree of options with values by dotted key, without composing and without interpolations."""
    tree: dict[str, Any] = {option.group: copy.deepcopy(option.defaults()) for option in options}
    for key, value in values.items():
        *parents, name = key.split(".")
        node: Any = tree
        for parent in parents:
            node = node.get(parent, {})
        node[name] = {**node[name], **value} if isinstance(value, dict) and isinstance(node.get(name), dict) else value
    return tree
