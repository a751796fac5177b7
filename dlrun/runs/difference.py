"""The difference between two recipes, two runs, or a recipe and a run, by meaning: composed, not as text. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration.check_request import uncomposed_tree
from dlrun.configuration.recipes.recipe import load_recipe
from dlrun.configuration.recipes.smallest import default_values, fields_that_differ, is_same, requested_tree
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.schema.groups import GROUPS
from dlrun.runs.history import differing, flatten, read_run
from dlrun.runs.lock import entries, lock_of


@dataclass(frozen=True)
class Side:
    """What is compared: a configuration with its defaults, as it was asked for, and what is promised.

    decided: values that rules worked out for fields that are `auto`, by key; of a recipe those in its lock.
    """

    tree: Mapping[str, Any]
    decided: Mapping[str, Any]
    expect: Mapping[str, Any]
    lock: Mapping[str, Any]
    fingerprint: str | None
    sweep: Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """What differs, each with the value of the first and of the second.

    replaced: by group the options, each as its name and the fields that are not its defaults. only: what one side alone
    has, and which one: 0 or 1; it makes no difference.
    """

    replaced: Mapping[str, list[dict[str, Any]]]
    configuration: Mapping[str, list[Any]]
    promise: Mapping[str, list[Any]]
    lock: Mapping[str, list[Any]]
    data: Mapping[str, list[Any]]
    only: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_none(self) -> bool:
        """Whether nothing differs."""
        return not (self.replaced or self.configuration or self.promise or self.lock or self.data)

    def state(self) -> dict[str, Any]:
        """Return plain values."""
        parts = {
            "replaced": self.replaced,
            "configuration": self.configuration,
            "promise": self.promise,
            "lock": self.lock,
            "data": self.data,
        }
        return {"same": self.is_none, **{name: dict(part) for name, part in parts.items()}}


def read_side(name: str, catalog: Catalog) -> Side:
    """Return what a recipe, given by name or file, or the run in a folder says.

    Raises ConfigError if it is neither, or not valid.
    """
    folder = Path(name).expanduser()
    is_run = folder.is_dir()
    result = read_run(folder).result if is_run else {}
    place = str(folder / "config.yaml") if is_run else name
    recipe = load_recipe(place, catalog, own=is_run, fetch=not is_run)
    choices = catalog.choices_with_defaults(recipe.choices, recipe.values)
    options = [catalog.option(group, choice) for group, choice in choices.items()]
    tree = {**default_values(), **uncomposed_tree(options, recipe.values)}
    about = recipe.about
    decided = (result.get("auto") if is_run else (about.get("lock") or {}).get("auto")) or {}
    if is_run and tree["device"]["processes"] == 1:
        decided = {**decided, "device.strategy": "ddp"}  # it had all of the model
    fingerprint = (result.get("dataset") if is_run else about.get("data")) or {}
    return Side(
        tree=requested_tree(tree, decided) if is_run else tree,
        decided=decided,
        expect=about.get("expect") or {},
        lock=lock_of(result) if is_run else about.get("lock") or {},
        fingerprint=fingerprint.get("fingerprint"),
        sweep=recipe.sweep,
    )


def difference(first: Side, second: Side, catalog: Catalog) -> Difference:
    """Return what differs between two sides; promises, locks and data only if both have them."""
    sides = (first, second)
    replaced = {
        group: [_option(side, group, catalog) for side in sides]
        for group in GROUPS
        if first.tree[group]["name"] != second.tree[group]["name"]
    }
    trees = [
        {**{key: value for key, value in side.tree.items() if key not in (*replaced, "resume")}, "sweep": side.sweep}
        for side in sides
    ]
    found = {key: values for key, values in differing(trees).items() if not _is_same(key, values, sides)}
    found |= {  # `auto` on both sides, of which rules made different values
        key: [AUTO, AUTO]
        for key in first.decided
        if key.partition(".")[0] not in replaced
        and key in second.decided
        and not is_same(first.decided[key], second.decided[key])
        and [dict(flatten(side.tree)).get(key) for side in sides] == [AUTO, AUTO]
    }
    both = all(side.lock for side in sides)
    locks = [{key: each for key, each in entries(side.lock).items() if not key.startswith("auto.")} for side in sides]
    data = [side.fingerprint for side in sides]
    has = {"promise": [side.expect for side in sides], "lock": [side.lock for side in sides]}
    return Difference(
        replaced=replaced,
        configuration={key: _shown(key, values, sides) for key, values in found.items()},
        promise=differing([{"expect": side.expect} for side in sides]) if first.expect and second.expect else {},
        lock=differing(locks) if both else {},
        data={"fingerprint": data} if all(data) and data[0] != data[1] else {},
        only={name: int(bool(each[1])) for name, each in has.items() if bool(each[0]) != bool(each[1])},
    )


def _option(side: Side, group: str, catalog: Catalog) -> dict[str, Any]:
    node = side.tree[group]
    option = catalog.option(group, node["name"])
    return {"name": node["name"], **fields_that_differ({**option.defaults(), **node}, option)}


def _is_same(key: str, values: list[Any], sides: tuple[Side, Side]) -> bool:
    """Whether two different values mean the same: `auto`, and the value that its rule worked out."""
    meant = [
        side.decided.get(key, value) if value == AUTO else value for side, value in zip(sides, values, strict=True)
    ]
    return is_same(meant[0], meant[1])


def _shown(key: str, values: list[Any], sides: tuple[Side, Side]) -> list[Any]:
    """The values, those of `auto` with what its rule worked out, if that is known."""
    return [
        {AUTO: side.decided[key]} if value == AUTO and key in side.decided else value
        for side, value in zip(sides, values, strict=True)
    ]
