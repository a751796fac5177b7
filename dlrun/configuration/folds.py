"""Cross-validation: a plan with `dataset.folds` and no `dataset.fold` becomes one plan for each fold."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from dlrun.configuration.override_text import value_of
from dlrun.configuration.overrides import MAX_POINTS, too_many_points
from dlrun.configuration.plan import Plan
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import default_choices
from dlrun.configuration.sweeps.repeated import FOLD
from dlrun.errors import ConfigError


def by_fold(plans: Sequence[Plan], catalog: Catalog) -> list[list[Plan]]:
    """Return for each plan those of its folds, or itself alone if it is one run.

    Raises ConfigError if there are too many.
    """
    found = [_folds_of(plan, catalog) for plan in plans]
    size = sum(map(len, found))
    if size > MAX_POINTS:
        raise ConfigError(too_many_points(size))
    return found


def _folds_of(plan: Plan, catalog: Catalog) -> list[Plan]:
    count = _setting(plan, "folds", catalog)
    if not isinstance(count, int) or _setting(plan, "fold", catalog) is not None:
        return [plan]
    point = plan.point
    return [
        dataclasses.replace(
            plan,
            point=dataclasses.replace(
                point, settings={**point.settings, FOLD: value_of(fold)}, swept=(*point.swept, FOLD)
            ),
        )
        for fold in range(count)
    ]


def _setting(plan: Plan, name: str, catalog: Catalog) -> Any:
    """The value of a dataset's field: the user's, the recipe's or the option's default."""
    values = plan.values()
    if f"dataset.{name}" in values:
        return values[f"dataset.{name}"].value
    field = catalog.option("dataset", plan.choices().get("dataset", default_choices()["dataset"])).fields.get(name)
    return None if field is None else field.default
