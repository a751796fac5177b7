"""A recipe built on another: `recipe: {extends: NAME_OR_FILE@sha256:HEX}`. The child's keys win."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.recipes.block import check_block
from dlrun.configuration.recipes.lines import add_lines
from dlrun.configuration.recipes.sources.parent import WHERE, find_parent
from dlrun.configuration.recipes.sources.source import Source, shorten
from dlrun.configuration.safe_yaml import check_data, parse_yaml
from dlrun.configuration.schema.groups import GROUPS
from dlrun.errors import ConfigError, Problem
from dlrun.wording import show

MOST_PARENTS = 8
INHERITED = ("source", "notes", "plugins")
"""What a child's `recipe:` block has from its parent; not what only the parent's run promises, or only names it."""


@dataclass(frozen=True)
class Layer:
    """One file of a recipe: itself, or one that it extends."""

    shown: str  # the path as it was given, or the address
    path: Path  # the file to read
    sha256: str
    tree: Mapping[str, Any]  # as it is written in the file

    def sets(self, *keys: str) -> bool:
        """Return whether the file itself has a value under these keys."""
        node: Any = self.tree
        for key in keys:
            if not isinstance(node, dict) or key not in node:
                return False
            node = node[key]
        return True


@dataclass(frozen=True)
class Extended:
    """A recipe's tree with everything that it extends, and the files: the recipe itself first."""

    tree: Mapping[str, Any]
    layers: tuple[Layer, ...]


def extend(source: Source) -> Extended:
    """Read a recipe and what it extends, and merge them.

    Raises ConfigError if a file is no recipe's data or says nothing, or a parent is refused: `find_parent`.
    """
    layers = [_layer(source)]
    while (reference := _parent_of(layers[-1])) is not None:
        parent = find_parent(reference, source)
        names = [layer.shown for layer in layers]
        if parent.path.resolve() in [layer.path.resolve() for layer in layers]:
            circle = " → ".join(map(shorten, [*names, parent.shown]))
            raise ConfigError(Problem(WHERE, f"The recipes extend each other in a circle: {circle}."))
        if len(layers) > MOST_PARENTS:
            raise ConfigError(Problem(WHERE, f"A recipe can extend at most {MOST_PARENTS} others, one after another."))
        layers.append(_layer(parent))
        source = parent
    return Extended(merge_layers(layers), tuple(layers))


def merge_layers(layers: Sequence[Layer]) -> Mapping[str, Any]:
    """Return the tree of a recipe with everything that it extends."""
    tree: Mapping[str, Any] = layers[-1].tree
    for layer in reversed(layers[:-1]):
        tree = merge(tree, layer.tree)
    return tree


def _layer(source: Source) -> Layer:
    tree = parse_yaml(source.content, name=source.shown)
    if all(value in (None, {}, []) if key in ("recipe", "sweep") else value == {} for key, value in tree.items()):
        what = "it says nothing. A recipe chooses an option or sets a value, such as `model: {name: mlp}`"
        raise ConfigError(f"{shorten(source.shown)}: {what}.")
    return Layer(source.shown, source.path, source.sha256, tree)


def _parent_of(layer: Layer) -> str | None:
    """Return what a file extends; None if nothing."""
    block = layer.tree.get("recipe")
    if not isinstance(block, dict) or "extends" not in block:
        return None
    if not isinstance(block["extends"], str):
        what = f"Expected NAME_OR_FILE@sha256:HEX, got {show(block['extends'])}."
        raise ConfigError(Problem(WHERE, what))
    return block["extends"]


def check_layers(layers: tuple[Layer, ...]) -> list[Problem]:
    """Return what is wrong with each parent by itself, which merging might hide."""
    return [
        Problem(f"{shorten(layer.shown)}: {problem.where}", problem.message, problem.id)
        for layer in layers[1:]
        for problem in (*check_block(layer.tree.get("recipe") or {}), *check_data(layer.tree))
    ]


def place_problems(problems: list[Problem], layers: tuple[Layer, ...]) -> list[Problem]:
    """Return problems of the merged tree with their lines, or with the file of the parent that sets the value."""
    return [_placed(problem, layers) for problem in add_lines(problems, layers[0].path)]


def _placed(problem: Problem, layers: tuple[Layer, ...]) -> Problem:
    where = re.sub(r"\[\d+\]", "", problem.where.partition("=")[0])
    keys = where.split(".", 1) if where.startswith("sweep.") else where.split(".")
    keys = [*keys, "name"] if "=" in problem.where and len(keys) == 1 else keys
    owner = next((layer for layer in layers if layer.sets(*keys)), layers[0])
    if owner is layers[0]:
        return problem
    message = f"{problem.message} It is set in {shorten(owner.shown)}, which this recipe extends."
    return Problem(problem.where, message, problem.id, problem.fix)


def merge(parent: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """Return a parent's tree with a child's values, which win.

    Where the child chooses another option of a group, nothing of the parent's group remains; otherwise fields are
    merged, and mappings within them. Of the parent's `sweep:` remain the keys that the child neither sweeps nor sets.
    """
    merged: dict[str, Any] = {**parent, **child}
    for group in GROUPS:
        if group in parent and group in child and not _replaces(parent[group], child[group]):
            merged[group] = _merge_values(parent[group], child[group])
    merged["recipe"] = _merge_blocks(parent.get("recipe"), child.get("recipe"))
    sweep = _merge_sweeps(parent, child)
    if sweep is not None:
        merged["sweep"] = sweep
    return merged


def _replaces(parent: Any, child: Any) -> bool:
    """Return whether a child's node of a group chooses another option than the parent's."""
    named = isinstance(parent, dict) and isinstance(child, dict) and "name" in parent and "name" in child
    return named and parent["name"] != child["name"]


def _merge_values(parent: Any, child: Any) -> Any:
    if not (isinstance(parent, dict) and isinstance(child, dict)):
        return child
    merged = {**parent, **child}
    return {
        key: _merge_values(parent[key], value) if key in parent and key in child else value
        for key, value in merged.items()
    }


def _merge_blocks(parent: Any, child: Any) -> Any:
    if not isinstance(child, dict):
        return child
    kept = {key: parent[key] for key in INHERITED if key in parent} if isinstance(parent, dict) else {}
    return {**kept, **{key: value for key, value in child.items() if key != "extends"}}


def _merge_sweeps(parent: Mapping[str, Any], child: Mapping[str, Any]) -> Any:
    above, below = parent.get("sweep"), child.get("sweep")
    if not isinstance(above, dict):
        return below
    if below is not None and not isinstance(below, dict):
        return below  # reported by the check of the merged tree
    kept = {key: values for key, values in above.items() if not _settles(child, parent, key)}
    return {**kept, **(below or {})}


def _settles(child: Mapping[str, Any], parent: Mapping[str, Any], key: str) -> bool:
    """Return whether a child sets a key that its parent sweeps, or chooses another option than the key belongs to."""
    group, _, rest = key.partition(".")
    if group not in GROUPS:
        return group in child
    node = child.get(group)
    if not isinstance(node, dict):
        return False
    if "name" in node and (not rest or group in (parent.get("sweep") or {}) or _replaces(parent.get(group), node)):
        return True
    for part in rest.split(".") if rest else ["name"]:
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True
