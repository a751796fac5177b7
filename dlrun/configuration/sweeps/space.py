"""What a search chooses from: the part of a request that is fixed, and the domain of each key that is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dlrun.configuration.check_request import check_overrides
from dlrun.configuration.folds import by_fold
from dlrun.configuration.override_text import Value, value_of
from dlrun.configuration.overrides import Point, Request
from dlrun.configuration.plan import Plan, checked_recipes
from dlrun.configuration.recipe import Recipe
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS, Option
from dlrun.configuration.sweeps.check_ranges import check_ranges
from dlrun.configuration.sweeps.ranges import Choices, Domain
from dlrun.configuration.sweeps.repeated import FOLD, REPEATED
from dlrun.errors import ConfigError, Problem

_ANY = ("resume", FOLD)
"""Keys that a point may set besides those of its command."""

Trial = Mapping[str, Value]
"""A value for each dimension of a search."""


@dataclass(frozen=True)
class Space:
    """The domain of each dimension, and what every trial has besides.

    order: every key that is set, as the user gave them. repeated: keys that are no dimension, with the values with each
    of which every trial is trained: seeds.
    """

    dimensions: Mapping[str, Domain]
    fixed: Mapping[str, Value]
    repeated: Mapping[str, tuple[Value, ...]]
    recipes: Mapping[str | None, Recipe | None]
    catalog: Catalog
    from_recipe: frozenset[str] = frozenset()
    order: Sequence[str] = field(default_factory=tuple)

    @property
    def size(self) -> int | None:
        """How many different trials there are; None if there is no end of them."""
        size = 1
        for domain in self.dimensions.values():
            if domain.size is None:
                return None
            size *= domain.size
        return size

    def num_repeats(self) -> int:
        """Return how many points a trial has, of which the folds depend on its dataset: those of an example."""
        return len(self.points(self.examples()[0]))

    def example_plans(self) -> list[Plan]:
        """Return a plan for each example, with the first seed and before cross-validation."""
        repeat = {key: values[0] for key, values in self.repeated.items()}
        return [self._plan(trial, repeat) for trial in self.examples()]

    def points(self, trial: Trial) -> list[Plan]:
        """Return the plans of a trial: one for each seed, and each fold of a cross-validation."""
        made = [self._plan(trial, repeat) for repeat in _product(self.repeated)]
        return [plan for folds in by_fold(made, self.catalog) for plan in folds]

    def _plan(self, trial: Trial, repeat: Trial) -> Plan:
        found = {**self.fixed, **trial, **repeat}
        swept = [key for key in self.order if key in trial or key in repeat]
        point = Point({key: found[key] for key in self.order}, tuple(swept), self.from_recipe)
        return Plan(point, self.recipes[point.recipe])

    def trial_of(self, words: Mapping[str, str]) -> Trial | None:
        """Return the trial that a point's words set (the text of each key's value); None if it is not of this space."""
        fixed = {key: value.text for key, value in self.fixed.items() if key != "resume"}  # which decides no result
        if any(words.get(key) != text for key, text in fixed.items()) or not set(words) <= {*self.order, *_ANY}:
            return None
        found = {key: domain.read(words[key]) for key, domain in self.dimensions.items() if key in words}
        trial = {key: value for key, value in found.items() if value is not None}
        repeats = [key in words and words[key] in [each.text for each in taken] for key, taken in self.repeated.items()]
        return trial if len(trial) == len(self.dimensions) and all(repeats) else None

    def examples(self) -> list[Trial]:
        """Return the trials to examine before the first: all low ends, all high ends, and each dimension by itself.

        While one dimension has each of its examples (both ends of a range, each value of a list), the others are in
        their middle.
        """
        middle = {key: domain.at(0.5) for key, domain in self.dimensions.items()}
        corners = [{key: domain.examples()[end] for key, domain in self.dimensions.items()} for end in (0, -1)]
        alone = [{**middle, key: value} for key, domain in self.dimensions.items() for value in domain.examples()]
        texts = [tuple(value.text for value in trial.values()) for trial in (*corners, *alone)]
        return list(dict(zip(texts, [*corners, *alone], strict=True)).values())


def _product(values: Mapping[str, tuple[Value, ...]]) -> list[dict[str, Value]]:
    found: list[dict[str, Value]] = [{}]
    for key, taken in values.items():
        found = [{**each, key: value} for each in found for value in taken]
    return found


def plan_search(request: Request, catalog: Catalog) -> Space:
    """Return what a request searches, checked: its ranges at both ends, its lists at each value.

    Raises ConfigError with everything wrong with any point, each mistake once.
    """
    recipes = checked_recipes(request, catalog)
    recipe, *others = recipes.values()
    given = request.given
    swept = recipe.sweep_values(given) if recipe is not None else {}
    ranges = {**(recipe.sweep_ranges(given) if recipe is not None else {}), **request.ranges}
    for other in others:
        mine = {} if recipe is None else recipe.sweep
        if dict(mine) != dict({} if other is None else other.sweep):
            what = "These recipes sweep different keys, and a search has the same for all. Search one at a time."
            raise ConfigError(Problem("recipe=" + ",".join(map(str, recipes)), what, "search"))
    settings = {**swept, **request.settings}
    typed, _ = check_ranges(ranges, _options(settings, recipe, catalog))
    lists = {key: values for key, values in settings.items() if len(values) > 1 and key not in REPEATED}
    order = [*dict.fromkeys([*swept, *ranges, *request.settings])]
    dimensions: dict[str, Domain] = {
        key: typed[key] if key in typed else Choices(lists[key]) for key in order if key in typed or key in lists
    }
    repeated = {key: settings[key] for key in REPEATED if len(settings.get(key, ())) > 1}
    fixed = {key: values[0] for key, values in settings.items() if key not in dimensions and key not in repeated}
    from_recipe = frozenset(key for key in order if key not in given)
    return Space(dimensions, fixed, repeated, recipes, catalog, from_recipe, order)


def _options(
    settings: Mapping[str, tuple[Value, ...]], recipe: Recipe | None, catalog: Catalog
) -> dict[str, list[Option]]:
    """Return the options that may be chosen for each group."""
    of_recipe = {group: (Value(name, name),) for group, name in recipe.choices.items()} if recipe is not None else {}
    values = {key: (value_of(value),) for key, value in recipe.values.items()} if recipe is not None else {}
    fixed = {**values, **{key: taken for key, taken in settings.items() if key not in GROUPS and key != "recipe"}}
    choices = {**of_recipe, **{key: taken for key, taken in settings.items() if key in GROUPS}}
    return check_overrides(choices, {}, catalog, fixed=fixed)[1]
