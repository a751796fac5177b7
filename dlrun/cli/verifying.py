"""Train a recipe, or its first steps, and hold the result against its promise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.configuration.compose import Composed
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, DivergedError, Problem

if TYPE_CHECKING:
    from dlrun.runs.run import Session
    from dlrun.runs.verify import Verdict


def plan_verification(
    name: str, words: Sequence[str], catalog: Catalog, *, quick: bool
) -> tuple[Mapping[str, Any], Composed]:
    """Return a recipe's block and its configuration. words: overrides that keep its promise.

    Raises ConfigError if one does not, or the recipe promises nothing.
    """
    from dlrun.configuration.compose import compose
    from dlrun.configuration.override_text import Value
    from dlrun.configuration.overrides import parse_overrides, with_settings
    from dlrun.configuration.plan import plan_runs
    from dlrun.runs.verify import check_verifiable

    request = parse_overrides(words, catalog)
    if "recipe" in request.settings:
        raise ConfigError(Problem("recipe=...", "The recipe to verify is the word after `verify`; name one."))
    request = with_settings(request, {"recipe": Value(name, name)})
    (plan,) = plan_runs(request, catalog)
    about = check_verifiable(plan, request, catalog, quick=quick)
    return about, compose(plan, catalog, hydra_words=request.hydra)


def verify(
    about: Mapping[str, Any], composed: Composed, catalog: Catalog, *, quiet: bool
) -> tuple[Mapping[str, Any], Verdict, Path]:
    """Train a recipe in its run folder; return the result, the verdict and the folder."""
    from dlrun.cli.running import Hooks, run_one
    from dlrun.runs.lock import lock_of
    from dlrun.runs.verify import check_data, verdict

    started: list[Path] = []

    class OfVerify(Hooks):
        trains_alone = True

        def inspect(self, session: Session) -> None:
            started.append(session.run_dir.path)
            check_data(about, session.components.data)

    error = None
    try:
        result, folder = run_one(
            composed, catalog, Path(composed.run_dir), asked=composed.run_dir_asked, quiet=quiet, hooks=OfVerify()
        )
        error = result["error"]
    except DivergedError as diverged:
        folder = started[0]
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        error = str(diverged)
    here = {**lock_of(result), "plugins": catalog.plugin_hashes()}
    return result, verdict(about, here, result["metrics"], error=error), folder


def verify_quickly(about: Mapping[str, Any], composed: Composed, catalog: Catalog) -> Verdict:
    """Train the first steps, without a run folder; return the verdict on their losses."""
    from dlrun.runs.first_losses import environment_of, first_losses
    from dlrun.runs.lock import lock_of
    from dlrun.runs.verify import check_data, quick_verdict

    steps = max(len(values) for values in about["losses"].values())
    components, losses = first_losses(
        composed.config, catalog, steps=steps, check=lambda built: check_data(about, built.data)
    )
    here = lock_of({"environment": environment_of(components), "auto": components.auto})
    return quick_verdict(about, {**here, "plugins": catalog.plugin_hashes()}, losses)
