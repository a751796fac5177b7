"""Whether a recipe keeps its promise: what may be set, whether the data is the promised one, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dlrun.configuration.overrides import Request
from dlrun.configuration.plan import Plan
from dlrun.configuration.recipes.left_out import data_files_left_to_user, keeps_promise
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.runs.lock import describe, differences
from dlrun.runs.loss_differences import Losses, first_difference, tolerance
from dlrun.wording import interval, number, plural, printable, printable_key

if TYPE_CHECKING:
    from dlrun.data.prepare import DataBundle

_ALLOWED = "dataset.root, dataset.path (and dataset.val, dataset.test), device, logger, checkpoint and trainer.workers"


@dataclass(frozen=True)
class Verdict:
    """What was promised and what came out.

    promised: for each metric its interval, or in a quick verification for each loss its first values.
    environment_differs: by key what the lock says and what is here; None if the recipe has no lock. broken: each broken
    part in words. tolerance: relative, of losses; None for metrics.
    """

    promised: Mapping[str, Any]
    measured: Mapping[str, Any]
    environment_differs: Mapping[str, list[Any]] | None
    broken: Sequence[str]
    tolerance: float | None = None

    @property
    def status(self) -> Literal["kept", "broken"]:
        """Whether the promise was kept."""
        return "broken" if self.broken else "kept"

    def state(self) -> dict[str, Any]:
        """Return plain values, as `dlrun verify --json` prints them."""
        return {
            "status": self.status,
            "promised": dict(self.promised),
            "measured": dict(self.measured),
            "environment_differs": dict(self.environment_differs or {}),
            "locked": self.environment_differs is not None,
            "broken": list(self.broken),
            **({} if self.tolerance is None else {"tolerance": self.tolerance}),
        }

    def environment_in_words(self) -> str:
        """Return a line about the environment."""
        if self.environment_differs is None:
            return "the recipe has no lock: where its promise was measured is unknown"
        if not self.environment_differs:
            return "the environment is that of the lock"
        return f"the environment differs from the lock: {printable(describe(self.environment_differs), limit=2000)}"


def check_verifiable(plan: Plan, request: Request, catalog: Catalog, *, quick: bool) -> Mapping[str, Any]:
    """Return the `recipe:` block of a plan whose promise can be verified.

    Raises ConfigError if it promises nothing, has no losses for a quick verification, needs a plugin that is not given,
    or if an override changes what it promises.
    """
    recipe = plan.recipe
    if recipe is None:
        raise ConfigError(Problem("verify", "Expected a recipe; `dlrun ls recipe` lists recipes."))
    about, where = recipe.about, printable(str(recipe.path), limit=500)
    problems = []
    if not about.get("expect"):
        what = "This recipe promises nothing: it has no recipe.expect. `dlrun share RUN` writes a recipe that does."
        problems.append(Problem(where, what))
    if quick and not about.get("losses"):
        what = (
            "This recipe has no recipe.losses, those of the first steps, to compare with: `dlrun share RUN` writes "
            "them. Verify it without --quick."
        )
        problems.append(Problem(where, what))
    missing = sorted(set(about.get("plugins") or {}) - {plugin.name for plugin in catalog.plugins})
    if missing:
        what = f"This recipe needs {printable(', '.join(missing))} of the person who shared it: add --plugin FILE."
        problems.append(Problem(where, what))
    left = data_files_left_to_user({} if "data" in about else recipe.values)  # a fingerprint tells other data
    for key, values in request.settings.items():
        if not keeps_promise(key, left_to_user=left):
            what = f"It changes what the recipe promises; verifying it allows {_ALLOWED}."
            problems.append(Problem(f"{printable_key(key)}={printable(values[0].text)}", what))
    if problems:
        raise ConfigError(problems)
    return about


def check_data(about: Mapping[str, Any], data: DataBundle) -> None:
    """Raise DataError if the data is not what the recipe's promise was measured on."""
    promised = about.get("data") or {}
    fingerprint = promised.get("fingerprint")
    if fingerprint is None or fingerprint == data.fingerprint:
        return
    what = f"{data.name}: this is not the data that the promise was measured on (its fingerprint differs)."
    rows, here = promised.get("rows") or {}, dict(data.sizes)
    if rows and dict(rows) != here:
        what += f" That has {_counts(rows)}; this has {_counts(here)}."
    if promised.get("where"):
        what += f" Where to get it: {printable(promised['where'], limit=500)}."
    raise DataError(what)


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{plural(count, f'{printable(split)} row')}" for split, count in rows.items())


def verdict(
    about: Mapping[str, Any], here: Mapping[str, Any], measured: Mapping[str, float], *, error: str | None = None
) -> Verdict:
    """Hold measured metrics against a promise.

    here: this environment and what rules decided, as a lock. error: why the training did not end.
    """
    broken = [] if error is None else [error]
    for metric, (low, high) in () if broken else about["expect"].items():
        value = measured.get(metric)
        if value is None:
            known = ", ".join(measured) or "none"
            broken.append(f"{printable(metric)} was not measured; this run's metrics: {known}")
        elif not low <= value <= high:
            shown = repr(value) if number(value) in (number(low), number(high)) else number(value)
            broken.append(f"{printable(metric)} is {shown}, promised was {interval(low, high)}")
    found = {metric: measured[metric] for metric in about["expect"] if metric in measured}
    return Verdict(about["expect"], found, _differs(about, here), broken)


def quick_verdict(about: Mapping[str, Any], here: Mapping[str, Any], measured: Losses) -> Verdict:
    """Hold the losses of the first steps against those of the recipe: exactly where the environment is its lock's."""
    differs = _differs(about, here)
    relative = tolerance(differs)
    difference = first_difference(about["losses"], measured, relative=relative)
    return Verdict(about["losses"], measured, differs, [] if difference is None else [difference], relative)


def _differs(about: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, list[Any]] | None:
    """What differs from the lock; plugins with other contents too."""
    lock = about.get("lock")
    if not lock:
        return None
    plugins = {f"plugins.{name}": digest for name, digest in (about.get("plugins") or {}).items()}
    own = {f"plugins.{name}": digest for name, digest in (here.get("plugins") or {}).items()}
    changed = {key: [digest, own.get(key)] for key, digest in plugins.items() if own.get(key) != digest}
    return {**differences(lock, here), **changed}
