"""Recipes: small YAML files that users share, read as data and checked before they are used.

A recipe names options and values. A bounded reader parses it and `check_recipe` checks it against the schema; then it
becomes plain overrides. Hydra never reads the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration import safe_yaml
from dlrun.configuration.check_recipe import split_recipe
from dlrun.configuration.override_text import Value, keys_set_by, value_of
from dlrun.configuration.recipe_lines import add_lines
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import default_choices, resource_dir
from dlrun.errors import ConfigError, Problem, did_you_mean, nearest
from dlrun.wording import printable


@dataclass(frozen=True)
class Recipe:
    """A checked recipe: its `recipe:` block, the options it chooses and the values it sets."""

    name: str
    path: Path
    about: Mapping[str, Any]  # the `recipe:` block
    choices: Mapping[str, str]
    values: Mapping[str, Any]  # by dotted key
    sweep: Mapping[str, list[Any]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its title, or else its name."""
        return str(self.about.get("title", self.name))

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
        """Return what the recipe's `sweep:` block adds to the settings `chosen` by the user.

        It adds neither keys that the user set nor fields of options that the user replaced.
        """

        def replaced(group: str) -> bool:
            own = self.choices.get(group, default_choices().get(group))
            return group in chosen and any(value.value != own for value in chosen[group])

        return {
            key: tuple(value_of(value) for value in values)
            for key, values in self.sweep.items()
            if key not in chosen and not replaced(key.split(".")[0])
        }


def recipe_names() -> list[str]:
    """Return the names of dlrun's own recipes, sorted."""
    return sorted(path.stem for path in resource_dir("recipes").glob("*.yaml"))


def locate_recipe(name: str) -> Path:
    """Return the file of a recipe given by name or by path.

    Raises ConfigError with the nearest name if it does not exist.
    """
    where = f"recipe={printable(name)}"
    if "/" in name or name.endswith((".yaml", ".yml")):
        try:
            path = Path(name).expanduser()
            if path.is_symlink():
                target = printable(str(path.resolve()))
                what = f"This file is a link; name its target: recipe={target}"
                raise ConfigError(Problem(where, what, "link", f"recipe={target}"))
            found = path.exists()
        except (OSError, ValueError, RuntimeError):  # too long, with a NUL, the home of an unknown user
            found = False
        if not found:
            raise ConfigError(Problem(where, "The file does not exist.", "no-file"))
        return path
    if name in recipe_names():
        return resource_dir("recipes") / f"{name}.yaml"
    hint = f"{did_you_mean(name, recipe_names())} `dlrun ls recipe` lists all recipes.".lstrip()
    near = nearest(name, recipe_names())
    fix = f"recipe={near}" if near is not None else None
    raise ConfigError(Problem(where, f'Unknown recipe "{printable(name)}". {hint}', "unknown-recipe", fix))


def load_recipe(name: str, catalog: Catalog, *, own: bool = False, given: Collection[str] = ()) -> Recipe:
    """Read and check a recipe given by name or path.

    own: it is the configuration of the user's own run, which may name addresses and any file.
    given: keys that the user set, so that the recipe's value does not matter.

    Raises ConfigError with every problem found.
    """
    path = locate_recipe(name)
    tree = safe_yaml.read_yaml(path)
    choices, values, problems = split_recipe(tree, catalog, own=own, given=given)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ConfigError(add_lines(problems, path), title=f"{count} in the recipe {printable(str(path))}")
    return Recipe(path.stem, path, tree.get("recipe") or {}, choices, values, tree.get("sweep") or {})
