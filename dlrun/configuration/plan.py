"""From a request to plans: each recipe is read once, everything is checked once, and each point gets its recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlrun.configuration.check_request import check_request
from dlrun.configuration.override_text import Value, keys_set_by, to_overrides
from dlrun.configuration.overrides import Point, Request
from dlrun.configuration.recipes.recipe import Recipe, load_recipe
from dlrun.configuration.recipes.sources.source import shorten
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import default_choices
from dlrun.configuration.schema.several import name_in_hydra
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable, show


@dataclass(frozen=True)
class Plan:
    """One point of a request with its recipe, checked and ready to compose. Plain data, so that it can be pickled."""

    point: Point
    recipe: Recipe | None = None

    @property
    def label(self) -> str:
        """The overrides that differ between the points of a sweep, as the user would type them."""
        return self.point.label

    def choices(self) -> dict[str, str]:
        """Return the option of each group that the user or the recipe chose; the user's choice wins."""
        return {**(self.recipe.choices if self.recipe is not None else {}), **self.point.choices()}

    def values(self) -> dict[str, Value]:
        """Return the values that the user and the recipe set; the user's value wins."""
        values = self.point.values()
        if self.recipe is None:
            return values
        return {**self.recipe.values_with(self.point.choices(), values), **values}

    def choices_with_defaults(self, catalog: Catalog) -> dict[str, str]:
        """Return the option of every group."""
        return catalog.choices_with_defaults(self.choices(), {key: value.value for key, value in self.values().items()})

    def origins(self) -> dict[str, str]:
        """Return what set each key that does not have its default: an override, or the recipe."""
        settings = self.point.settings
        origins = {
            name: f"override {key}={value.text}" for key, value in settings.items() for name in keys_set_by(key, value)
        }
        if self.recipe is None:
            return origins
        source = f"recipe {printable(self.recipe.shown, limit=4096)}"
        origins |= {
            key: f"sweep {key}={settings[key].text} of recipe {printable(self.recipe.swept_in(key), limit=4096)}"
            for key in self.point.from_recipe
        }
        of_recipe = self.recipe.values_with(self.point.choices(), self.point.values())
        set_by_recipe = [name for key, value in of_recipe.items() for name in keys_set_by(key, value)]
        for name in (*set_by_recipe, *self.recipe.choices):
            origins.setdefault(name, source)
        return origins

    def notices(self) -> tuple[str, ...]:
        """Return a notice for each option of the recipe that the user replaced."""
        choices = self.point.choices()
        return tuple(
            f"{group}={choices[group]} replaces the recipe's {group} {name} and its fields."
            for group, name in (self.recipe.choices if self.recipe is not None else {}).items()
            if choices.get(group, name) != name
        )

    def hydra_overrides(self, choices: Mapping[str, str]) -> list[str]:
        """Return the overrides from which Hydra composes this plan: unusual options, then values.

        choices: the option of every group.
        """
        differing = {group: name for group, name in choices.items() if name != default_choices()[group]}
        named = [(group, Value(name_in_hydra(name), name)) for group, name in {**self.choices(), **differing}.items()]
        return to_overrides([*named, *self.values().items()])


def plan_runs(request: Request, catalog: Catalog, *, own: bool = False) -> list[Plan]:
    """Return a checked plan for each point of a request; with `-m` also for the points that its recipes sweep.

    own: the recipe is the configuration of the user's own run, which may name addresses and any file. Any other is
    fetched, if it is not on this machine: nothing but the user's command line makes a request with a recipe.

    Raises ConfigError with everything wrong with any point, each mistake once.
    """
    recipes = checked_recipes(request, catalog, own=own)
    return [Plan(point, recipes[point.recipe]) for point in _expand(request, recipes)]


def checked_recipes(request: Request, catalog: Catalog, *, own: bool = False) -> dict[str | None, Recipe | None]:
    """Return each recipe that a request names, by that name. `own` and errors as for `plan_runs`."""
    names = request.settings.get("recipe", (Value("null", None),))
    loaded = [_load(name, catalog, request, own=own) for name in names]
    problems = check_request(request, loaded, catalog)
    if problems:
        raise ConfigError(problems)
    return {name.value: recipe for name, (recipe, _) in zip(names, loaded, strict=True)}


def _expand(request: Request, recipes: dict[str | None, Recipe | None]) -> Sequence[Point]:
    """Return the points of a request, those of each recipe that sweeps together."""
    if not request.multirun:
        return request.points()
    swept = {name: recipe.sweep_values(request.given) for name, recipe in recipes.items() if recipe is not None}
    if not any(swept.values()):
        return request.points()
    return [point for name in recipes for point in request.points(swept.get(name)) if point.recipe == name]


def _load(name: Value, catalog: Catalog, request: Request, *, own: bool) -> tuple[Recipe | None, list[Problem]]:
    """Return the recipe that `recipe=name` names, and what is wrong with it."""
    shown = f"recipe={shorten(name.text)}"
    if name.value is None:
        return None, []
    if not isinstance(name.value, str) or (name.is_deferred and not own):
        return None, [Problem(shown, f"Expected a recipe's name or file, got {show(name.value)}.", "wrong-value")]
    try:
        return load_recipe(name.value, catalog, own=own, given=request.given, fetch=not own), []
    except ConfigError as error:
        named = [each if each.where.startswith("recipe=") else _in_recipe(shown, each) for each in error.problems]
        return None, named or [Problem(shown, str(error), error.id)]


def _in_recipe(shown: str, problem: Problem) -> Problem:
    """Return a problem of the recipe `shown` (recipe=NAME) with its name and line, in the form that editors read."""
    place = shown if problem.line is None else f"{shown}:{problem.line}"
    return dataclasses.replace(problem, where=f"{place}: {problem.where}", line=None)
