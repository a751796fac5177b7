"""The smallest recipe of a configuration: what differs from the defaults."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from dlrun.configuration import safe_yaml
from dlrun.configuration.dotted import set_value
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.schema.groups import GROUPS, TOP_LEVEL, Option, resource_dir


def requested_tree(tree: Mapping[str, Any], decided: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resolved tree with the fields that rules decided `auto` again.

    decided: their values by dotted key, as a result's `auto` has them.
    """
    found = copy.deepcopy(dict(tree))
    for key in decided:
        set_value(found, key, AUTO)
    return found


def smallest(tree: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Return the part of a whole tree from which composing gives the same tree: options and values but the defaults.

    The default option of a group may depend on the options and values of others. `recipe` and `resume` are left out.
    """
    chosen = {group: tree[group]["name"] for group in GROUPS}
    values = {f"{group}.{key}": value for group in GROUPS for key, value in tree[group].items()}
    found: dict[str, Any] = {}
    for group, name in chosen.items():
        others = {other: choice for other, choice in chosen.items() if other != group}
        is_default = catalog.choices_with_defaults(others, values)[group] == name
        differing = fields_that_differ(tree[group], catalog.option(group, name))
        if differing or not is_default:
            named = not is_default or GROUPS[group].folder is not None
            found[group] = {**({"name": name} if named else {}), **differing}
    defaults = default_values()
    top = {key: tree[key] for key in TOP_LEVEL if key != "resume" and not is_same(tree[key], defaults[key])}
    return {**top, **found}


def default_values() -> dict[str, Any]:
    """Return the defaults of the top-level keys."""
    root = safe_yaml.read_yaml(resource_dir("conf") / "config.yaml")
    return {key: root[key] for key in TOP_LEVEL}


def fields_that_differ(node: Mapping[str, Any], option: Option) -> dict[str, Any]:
    """Return the fields of a group's node whose values are not the option's defaults."""
    found = {}
    for key, entry in option.fields.items():
        value, default = node[key], entry.default
        if is_same(value, default):
            continue
        if dataclasses.is_dataclass(entry.kind) and isinstance(value, dict) and isinstance(default, dict):
            value = {name: each for name, each in value.items() if not is_same(each, default.get(name))}
        found[key] = value
    return found


def is_same(value: Any, other: Any) -> bool:
    """Return whether two plain values are the same and of the same type: 1, 1.0 and true are three values."""
    return json.dumps(value, sort_keys=True) == json.dumps(other, sort_keys=True)
