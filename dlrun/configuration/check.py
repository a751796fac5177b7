"""Everything that can be told of a configuration without importing an option."""

from __future__ import annotations

import copy
import dataclasses
import typing
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from dlrun.configuration.overrides import Value
from dlrun.configuration.schema import groups as schema
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import misfit
from dlrun.configuration.schema.groups import GROUPS, TOP_LEVEL, Option, default_choices
from dlrun.configuration.schema.signature import MISSING
from dlrun.errors import Problem, did_you_mean, nearest
from dlrun.wording import printable, printable_key

_HYDRA_KEYS = (
    "run", "sweep", "launcher", "sweeper", "job", "job_logging", "hydra_logging", "output_subdir", "verbose",
    "searchpath", "mode", "callbacks", "env", "help", "hydra_help", "runtime", "overrides",
)  # fmt: skip


def nearest_key(key: str, options: Mapping[str, Option]) -> str | None:
    """The key most like one that does not exist: a field without its group, a group or field mistyped."""
    first, _, rest = key.replace("/", ".").partition(".")
    owners: dict[str, str] = {}
    for group, option in options.items():
        for name, entry in option.fields.items():
            owners.setdefault(name, f"{group}.{name}")
            inner = dataclasses.fields(entry.kind) if dataclasses.is_dataclass(entry.kind) else ()
            for field in inner:
                owners.setdefault(field.name, f"{group}.{name}.{field.name}")
    if first.lower() in owners:
        return f"{owners[first.lower()]}.{rest}" if rest else owners[first.lower()]
    top = nearest(first, [*GROUPS, *TOP_LEVEL, "recipe"])
    if top is not None and rest and top in options:
        name, _, deeper = rest.partition(".")
        found = nearest(name, options[top].fields) or name
        return f"{top}.{found}.{deeper}" if deeper else f"{top}.{found}"
    if top is not None:
        return top
    field_name = nearest(key.split(".")[-1], owners)
    return None if field_name is None else owners[field_name]


def check_hydra(words: Sequence[str]) -> list[Problem]:
    """Mistyped keys of Hydra's own node, which Hydra itself passes over in silence."""
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
            problems.append(Problem(printable(word), f'Hydra has no key "{printable(key)}". {hint}'))
    return problems


def check(tree: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """Everything wrong with a composed tree: unknown keys, missing or misfitting values, contradictions."""
    problems = [
        Problem(printable(key), f'There is no key "{printable(key)}". {did_you_mean(key, [*GROUPS, *TOP_LEVEL])}')
        for key in tree
        if key not in GROUPS and key not in TOP_LEVEL and key != "recipe"
    ]
    for group in GROUPS:
        problems += _check_node(group, tree[group], catalog)
    for key, kind in TOP_LEVEL.items():
        problems += [Problem(*wrong) for wrong in misfit(kind, tree[key], key=key)]
    return problems or contradictions(tree, catalog)


def _check_node(group: str, node: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    option = catalog.option(group, node["name"])
    problems = []
    for key, value in node.items():
        if key == "name":
            continue
        problems += check_field(option, key, value)
    for key in option.fields:
        if key not in node:
            problems.append(Problem(f"{group}.{key}", f"The {group} {option.name} needs it, and no file sets it."))
    return problems


def check_field(option: schema.Option, key: str, value: Any) -> list[Problem]:
    """What is wrong with one field of an option; `key` may be dotted where the field itself has fields."""
    name, _, rest = key.partition(".")
    where = f"{option.group}.{key}"
    if name not in option.fields:
        return [no_field(option, key)]
    kind = option.fields[name].kind
    if rest:
        if not dataclasses.is_dataclass(kind) and typing.get_origin(kind) is not dict:
            return [Problem(printable(where), f"{option.group}.{name} is a single value; it has no fields.")]
        value = {rest: value}
    elif value == MISSING:
        return [Problem(where, f"It has no default; give it: {where}=...")]
    return [Problem(*wrong) for wrong in misfit(kind, value, key=f"{option.group}.{name}")]


def check_settings(
    choices: Mapping[str, Sequence[Value]], values: Mapping[str, Sequence[Value]], catalog: Catalog
) -> tuple[list[Problem], dict[str, list[schema.Option]]]:
    """Everything wrong with overrides that can be told without composing, and the options that they choose.

    Each value is held against each option chosen for its group, whatever the number of points they make together.
    """
    problems: list[Problem] = []
    options: dict[str, list[schema.Option]] = {}
    for group, default in default_choices().items():
        options[group] = []
        for choice in choices.get(group, [Value(default, default)]):
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
            problem for each in chosen for value in known for problem in check_value(key, value.text, value.value, each)
        ]
        by_message = {problem.message: problem for problem in reversed(found)}  # a wrong key once, not by value
        problems += reversed(by_message.values())
    return problems, options


def check_value(key: str, text: str, value: Any, options: Mapping[str, schema.Option]) -> list[Problem]:
    """What is wrong with an override `key=text`, given the option chosen for each group."""
    group, _, rest = key.partition(".")
    shown = f"{printable_key(key)}={printable(text)}"
    if key in TOP_LEVEL:
        return [Problem(shown, message) for _, message in misfit(TOP_LEVEL[key], value, key=key)]
    if group in options and rest:
        return [Problem(shown, problem.message) for problem in check_field(options[group], rest, value)]
    near = nearest_key(key, options)
    hint = f'Did you mean "{near}"?' if near is not None else did_you_mean(key, [*GROUPS, *TOP_LEVEL, "recipe"])
    return [Problem(shown, f'There is no key "{printable_key(key)}". {hint}'.rstrip())]


def no_field(option: schema.Option, key: str) -> Problem:
    """That an option has no such field, with the nearest that it has."""
    name, shown = key.partition(".")[0], printable_key(key.partition(".")[0])
    hint = did_you_mean(name, option.fields, prefix=f"{option.group}.") if option.fields else "It has none."
    what = f'The {option.group} "{option.name}" has no field "{shown}".'
    return Problem(f"{option.group}.{printable_key(key)}", f"{what} {hint}".rstrip())


def contradictions(tree: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """Values that are each right and together impossible."""
    problems = []
    trainer = tree["trainer"]
    if trainer["epochs"] is None and trainer["max_steps"] is None:
        what = "Set trainer.epochs or trainer.max_steps; with both null training never ends."
        problems.append(Problem("trainer.epochs", what))
    data = tree["dataset"]
    if data["val_fraction"] + data["test_fraction"] >= 1:
        what = "Together with dataset.test_fraction it leaves no rows to train on."
        problems.append(Problem("dataset.val_fraction", what))
    if trainer["early_stop"]["patience"] is not None and data["val_fraction"] == 0 and data.get("val") is None:
        what = "Early stopping needs validation rows, and dataset.val_fraction is 0."
        problems.append(Problem("trainer.early_stop.patience", what))
    optimizer = catalog.option("optimizer", tree["optimizer"]["name"])
    for name, field in catalog.option("model", tree["model"]["name"]).fields.items():
        if typing.get_origin(field.kind) is dict:  # fields of the optimizer, overridden for one side of the model
            for key, value in (tree["model"][name] or {}).items():
                where = f"model.{name}.{key}"
                problems += [Problem(where, problem.message) for problem in check_field(optimizer, key, value)]
    return problems


DECISIVE_GROUPS = ("dataset", "model", "optimizer", "trainer")


_DECISIVE = (
    "dataset.val_fraction", "dataset.test_fraction", "dataset.val", "trainer.epochs", "trainer.max_steps",
    "trainer.early_stop", "trainer.early_stop.patience",
)  # fmt: skip


def is_decisive(key: str, options: Mapping[str, Sequence[schema.Option]]) -> bool:
    """Whether `contradictions` depend on a key."""
    field = key.split(".")[1] if key.startswith("model.") else ""
    return key in _DECISIVE or any(
        field in option.fields and typing.get_origin(option.fields[field].kind) is dict for option in options["model"]
    )


def tree_of(options: Iterable[schema.Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """The tree that options and dotted values make, without composing and without interpolations."""
    tree: dict[str, Any] = {option.group: copy.deepcopy(option.defaults()) for option in options}
    for key, value in values.items():
        *parents, name = key.split(".")
        node: Any = tree
        for parent in parents:
            node = node.get(parent, {})
        node[name] = {**node[name], **value} if isinstance(value, dict) and isinstance(node.get(name), dict) else value
    return tree


def missing(option: schema.Option, given: Container[str]) -> list[Problem]:
    """The fields of an option that have no default and are not given."""
    names = (name for name, field in option.fields.items() if field.default == MISSING)
    return [
        problem
        for name in names
        if f"{option.group}.{name}" not in given
        for problem in check_field(option, name, MISSING)
    ]
