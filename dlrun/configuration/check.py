"""Check values and composed trees against the schema, without importing an option."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Collection, Container, Mapping
from typing import Any

from dlrun.configuration.override_text import fix_of
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.schema.groups import GROUPS, TOP_LEVEL, Option, builtin_names, builtin_option
from dlrun.configuration.schema.other_names import key_of
from dlrun.configuration.schema.several import required_in
from dlrun.configuration.schema.signature import MISSING
from dlrun.configuration.schema.type_check import find_mismatches
from dlrun.errors import Problem, did_you_mean, nearest
from dlrun.wording import printable, printable_key


def nearest_key(key: str, options: Mapping[str, Option]) -> str | None:
    """Return the existing key nearest to an unknown one: a field without its group, a mistyped group or field."""
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


def check_override(key: str, text: str, value: Any, options: Mapping[str, Option]) -> list[Problem]:
    """Return what is wrong with an override `key=text`, given the option chosen for each group."""
    group, _, rest = key.partition(".")
    shown = f"{printable_key(key)}={printable(text)}"
    if key in TOP_LEVEL:
        return [dataclasses.replace(problem, where=shown) for problem in check_top_level(key, value)]
    if group in options and rest:
        return [dataclasses.replace(problem, where=shown) for problem in check_field(options[group], rest, value)]
    near = key_of(key, on_the_command_line=True) or nearest_key(key, options)
    hint = f'Did you mean "{near}"?' if near is not None else did_you_mean(key, [*GROUPS, *TOP_LEVEL, "recipe"])
    fix = fix_of(near, value) if near is not None else None
    return [Problem(shown, f'Unknown key "{printable_key(key)}". {hint}'.rstrip(), "unknown-key", fix)]


def check_top_level(key: str, value: Any) -> list[Problem]:
    """Return what is wrong with the value of a top-level key."""
    return [Problem(*wrong) for wrong in find_mismatches(TOP_LEVEL[key], value, key=key)]


def check_field(option: Option, key: str, value: Any) -> list[Problem]:
    """Return what is wrong with one field of an option; `key` may be dotted if the field itself has fields."""
    name, _, rest = key.partition(".")
    where = f"{option.group}.{key}"
    if name not in option.fields:
        return [unknown_field(option, key, value)]
    kind = option.fields[name].kind
    if rest:
        if not dataclasses.is_dataclass(kind) and typing.get_origin(kind) is not dict:
            what = f"{option.group}.{name} is a single value and has no fields."
            return [Problem(printable(where), what, "unknown-key")]
        is_field = dataclasses.is_dataclass(kind) and rest in (entry.name for entry in dataclasses.fields(kind))
        value = value if is_field and value == MISSING else {rest: value}
    if value == MISSING:
        return [Problem(where, f"This field is required; set {where}=...", "required")]
    return [Problem(*wrong) for wrong in find_mismatches(kind, value, key=f"{option.group}.{name}")]


def unknown_field(option: Option, key: str, value: Any) -> Problem:
    """Return the problem that an option has no such field, with the nearest one or the options that have it.

    value: the one that it was to have.
    """
    name, dot, rest = key.partition(".")
    shown = printable_key(name)
    fix = None
    what = f'The {option.group} "{option.name}" has no field "{shown}".'
    optional = GROUPS[option.group].optional
    if optional is not None and name in (field.name for field in dataclasses.fields(optional)):
        owners = [other for other in builtin_names(option.group) if name in builtin_option(option.group, other).fields]
        hint = f"Only {', '.join(owners)} have it."
    elif owner := next((member.name for member in option.members if name in member.fields), None):
        hint, fix = f'Did you mean "{option.group}.{owner}.{key}"?', fix_of(f"{option.group}.{owner}.{key}", value)
    elif GROUPS[option.group].several and name == option.name and rest in option.fields:  # as in a list
        hint, fix = f'Did you mean "{option.group}.{rest}"?', fix_of(f"{option.group}.{rest}", value)
    elif other := key_of(f"{option.group}.{name}"):
        hint, fix = f'Did you mean "{other}"?', fix_of(other, value)
    elif option.fields:
        hint, near = did_you_mean(name, option.fields, prefix=f"{option.group}."), nearest(name, option.fields)
        hint = hint or f"`dlrun ls {option.group}` lists the fields of each."  # too many to name here
        fix = fix_of(f"{option.group}.{near}{dot}{rest}", value) if near is not None else None
    else:
        hint = "It has no fields."
    return Problem(f"{option.group}.{printable_key(key)}", f"{what} {hint}".rstrip(), "unknown-key", fix)


def check_required(option: Option, given: Container[str]) -> list[Problem]:
    """Return a problem for each field of an option that has no default and is not among the `given` keys."""
    return [
        problem
        for name in required_in(option)
        if f"{option.group}.{name}" not in given
        for problem in check_field(option, name, MISSING)
    ]


def check_tree(tree: Mapping[str, Any], catalog: Catalog, *, keys: Collection[str] | None = None) -> list[Problem]:
    """Return everything wrong with a composed tree: unknown keys, missing or unsuitable values, contradictions.

    keys: the top-level keys and fields (`group.field`) to check, by default all.
    """
    problems = []
    if keys is None:
        problems += [
            Problem(
                printable(key),
                f'Unknown key "{printable(key)}". {did_you_mean(key, [*GROUPS, *TOP_LEVEL])}',
                "unknown-key",
            )
            for key in tree
            if key not in GROUPS and key not in TOP_LEVEL and key != "recipe"
        ]
    for group in GROUPS:
        problems += _check_node(group, tree[group], catalog, keys)
    for key in TOP_LEVEL:
        if keys is None or key in keys:
            problems += check_top_level(key, tree[key])
    return problems or check_contradictions(tree, catalog)


def _check_node(group: str, node: Mapping[str, Any], catalog: Catalog, keys: Collection[str] | None) -> list[Problem]:
    option = catalog.option(group, node["name"])
    problems = []
    for key, value in node.items():
        if key != "name" and (keys is None or f"{group}.{key}" in keys):
            problems += check_field(option, key, value)
    if keys is None:
        what = f"The {group} {option.name} requires this field, and no file sets it."
        problems += [Problem(f"{group}.{key}", what, "required") for key in option.fields if key not in node]
    return problems


def check_contradictions(tree: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """Return the contradictions between values that are each valid."""
    problems = []
    trainer = tree["trainer"]
    if trainer["epochs"] is None and trainer["max_steps"] is None:
        what = "Set trainer.epochs or trainer.max_steps; with both null training never ends."
        problems.append(Problem("trainer.epochs", what, "contradiction", "trainer.epochs=auto"))
    data = tree["dataset"]
    if data["val_fraction"] + data["test_fraction"] >= 1:
        what = "Together with dataset.test_fraction this leaves no rows to train on; their sum must be below 1."
        fix = f"dataset.val_fraction={0.1 if data['test_fraction'] < 0.9 else 0}"
        problems.append(Problem("dataset.val_fraction", what, "contradiction", fix))
    if trainer["early_stop"]["patience"] not in (None, AUTO) and data["val_fraction"] == 0 and data.get("val") is None:
        what = "Early stopping needs validation rows, and dataset.val_fraction is 0."
        fix = "trainer.early_stop.patience=null"
        problems.append(Problem("trainer.early_stop.patience", what, "contradiction", fix))
    folds, fold = data.get("folds"), data.get("fold")
    if fold is not None and (folds is None or fold >= folds):
        what = "Set dataset.folds, the number of folds." if folds is None else f"Expected 0 to {folds - 1}, got {fold}."
        last = None if folds is None else f"dataset.fold={folds - 1}"
        problems.append(Problem("dataset.fold", what, "contradiction", last))
    optimizer = catalog.option("optimizer", tree["optimizer"]["name"])
    for name, field in catalog.option("model", tree["model"]["name"]).fields.items():
        if typing.get_origin(field.kind) is dict:  # optimizer fields that one part of the model overrides
            for key, value in (tree["model"][name] or {}).items():
                where = f"model.{name}.{key}"
                found = check_field(optimizer, key, value)
                problems += [dataclasses.replace(problem, where=where, fix=None) for problem in found]
    return problems
