"""The configuration of a published model: what it keeps of its run's, and what it may hold when others wrote it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dlrun.configuration.recipes.block import FORMAT
from dlrun.configuration.recipes.check import split_recipe
from dlrun.configuration.recipes.left_out import LeftOut, without_own
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import LocalPath, has_mark
from dlrun.configuration.schema.groups import GROUPS
from dlrun.configuration.schema.signature import MISSING
from dlrun.errors import ConfigError, Problem
from dlrun.wording import plural, printable, show

NO_DATA = "published:data"
"""Stands for the file of data that a published model does not have; opening it says so (`dlrun.data.files.paths`)."""
_EXAMPLE = "example:"


def public_configuration(tree: Mapping[str, Any], catalog: Catalog) -> tuple[dict[str, Any], list[LeftOut]]:
    """Return a run's whole configuration without what belongs to its machine or user, and what that was.

    A file of data becomes one that the user of the model sets, unless it is a bundled example.
    """
    public, left = without_own(tree, catalog, with_files=False)
    about = tree.get("recipe") or {}
    block = {"format": FORMAT, **({"plugins": about["plugins"]} if about.get("plugins") else {})}
    return {**public, "recipe": block, "resume": "never"}, left


def check_published(tree: Mapping[str, Any], catalog: Catalog) -> None:
    """Raise ConfigError if a published configuration is none, or names what is not in its folder."""
    _, _, problems = split_recipe(tree, catalog)
    block = tree.get("recipe")
    foreign = ["recipe.extends"] if isinstance(block, dict) and "extends" in block else []
    foreign += ["sweep"] if "sweep" in tree else []
    what = "A published model's configuration is complete in itself; it has no such key."
    problems += [Problem(key, what, "not-for-recipes") for key in foreign]
    if not problems:
        problems = [
            Problem(f"{key}.{name}", f"A published model names no file, got {show(value)}.", "not-for-recipes")
            for key, name, value in _paths(tree, catalog)
            if not value.startswith(_EXAMPLE) and value != MISSING
        ]
    if problems:
        count = plural(len(problems), "problem")
        raise ConfigError(problems, title=f"{count} in the configuration of the published model")


def data_left_to_user(tree: Mapping[str, Any], catalog: Catalog, *, given: Collection[str]) -> list[str]:
    """Return the keys of files that a published configuration leaves to its user, who has not set them."""
    keys = [f"{key}.{name}" for key, name, value in _paths(tree, catalog) if value == MISSING]
    return [key for key in keys if key not in given]


def changed_plugins(tree: Mapping[str, Any], catalog: Catalog) -> list[str]:
    """Return the plugins of a published configuration of which the given file is another one."""
    block = tree.get("recipe")
    named = block.get("plugins") if isinstance(block, dict) else None
    here = catalog.plugin_hashes()
    return [printable(name) for name, digest in (named or {}).items() if name in here and here[name] != digest]


def _paths(tree: Mapping[str, Any], catalog: Catalog) -> Iterator[tuple[str, str, str]]:
    """Yield group, field and value of each field that names a file."""
    for group in GROUPS:
        node = tree.get(group)
        if not isinstance(node, dict) or not isinstance(node.get("name"), str):
            continue
        for name, entry in catalog.option(group, node["name"]).fields.items():
            value = node.get(name, entry.default)
            is_set = isinstance(value, str) and (value == MISSING or value != entry.default)
            if is_set and has_mark(entry.kind, LocalPath):
                yield group, name, value
