"""Recipes: small YAML files that users share, read as data and checked before they are used.

A recipe names options and values. `sources` finds it, a bounded reader parses it, `extends` merges it into what it is
built on and `check_recipe` checks it against the schema; then it becomes plain overrides. Hydra never reads the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration.override_text import Value, keys_set_by, value_of
from dlrun.configuration.recipes.check import split_recipe
from dlrun.configuration.recipes.extends import Layer, check_layers, extend, place_problems
from dlrun.configuration.recipes.sources.find import find_recipe
from dlrun.configuration.recipes.sources.source import shorten
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS, default_choices
from dlrun.configuration.schema.several import as_choice
from dlrun.configuration.sweeps.ranges import Interval, read_range
from dlrun.errors import ConfigError
from dlrun.wording import plural


@dataclass(frozen=True)
class Recipe:
    """A checked recipe: its `recipe:` block, the options it chooses and the values it sets."""

    name: str
    path: Path
    about: Mapping[str, Any]  # the `recipe:` block
    choices: Mapping[str, str]
    values: Mapping[str, Any]  # by dotted key
    sweep: Mapping[str, list[Any] | str] = field(default_factory=dict)  # lists of values, or ranges as text
    layers: tuple[Layer, ...] = ()  # its file, then what it extends
    notices: tuple[str, ...] = ()  # on where it was found

    @property
    def shown(self) -> str:
        """How messages name it: the path as it was given, or the address."""
        return self.layers[0].shown if self.layers else str(self.path)

    @property
    def title(self) -> str:
        """Its title, or else its name."""
        return str(self.about.get("title", self.name))

    def swept_in(self, key: str) -> str:
        """Return the file, as messages name it, whose `sweep:` has a key."""
        return next((layer.shown for layer in self.layers if layer.sets("sweep", key)), self.shown)

    def values_with(self, choices: Mapping[str, str], values: Mapping[str, Value]) -> dict[str, Value]:
        """Return the recipe's values except those that the user set, and those of options that the user replaced."""
        kept = {}
        for key, value in self.values.items():
            group, parent = key.split(".")[0], values.get(key.rpartition(".")[0])
            is_set = key in values or (parent is not None and key in keys_set_by(key.rpartition(".")[0], parent))
            if not is_set and choices.get(group) in (None, self.choices.get(group, choices.get(group))):
                kept[key] = value_of(value)
        return kept

    def sweep_values(self, chosen: Mapping[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
        """Return what the recipe's `sweep:` block adds to the settings `chosen` by the user, its intervals aside.

        It adds neither keys that the user set nor fields of options that the user replaced.
        """
        return {key: values for key, values in self._swept(chosen).items() if not isinstance(values, Interval)}

    def sweep_ranges(self, chosen: Mapping[str, tuple[Value, ...]]) -> dict[str, Interval]:
        """Return the intervals that the `sweep:` block adds, under the same rule."""
        return {key: values for key, values in self._swept(chosen).items() if isinstance(values, Interval)}

    def _swept(self, chosen: Mapping[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...] | Interval]:
        def replaced(group: str) -> bool:
            own = self.choices.get(group, default_choices().get(group))
            return group in chosen and any(value.value != own for value in chosen[group])

        return {
            key: read_range(values) if isinstance(values, str) else tuple(_swept_value(key, value) for value in values)
            for key, values in self.sweep.items()
            if key not in chosen and not replaced(key.split(".")[0])
        }


def _swept_value(key: str, value: Any) -> Value:
    """Return one of the values that a recipe sweeps; a list of options is a choice."""
    choice = as_choice(key, value) if key in GROUPS else value
    return value_of(value) if choice is value else Value(choice, choice)


def load_recipe(
    name: str, catalog: Catalog, *, own: bool = False, given: Collection[str] = (), fetch: bool = False
) -> Recipe:
    """Read and check a recipe and what it extends.

    name: as `find_recipe` takes it. own: it is the configuration of the user's own run, which may name addresses and
    any file. given: keys that the user set, so that the recipe's value does not matter. fetch: whether the user's own
    command line names it, so that it may be fetched.

    Raises ConfigError with every problem found, and what `find_recipe` raises.
    """
    source = find_recipe(name, fetch=fetch)
    extended = extend(source)
    tree, layers = extended.tree, extended.layers
    choices, values, problems = split_recipe(tree, catalog, own=own, given=given)
    problems = [*place_problems(problems, layers), *check_layers(layers)]
    if problems:
        count = plural(len(problems), "problem")
        raise ConfigError(problems, title=f"{count} in the recipe {shorten(source.shown)}")
    return Recipe(
        source.name,
        source.path,
        tree.get("recipe") or {},
        choices,
        values,
        tree.get("sweep") or {},
        layers,
        source.notices,
    )
