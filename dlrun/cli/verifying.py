"""Train a recipe, or its first steps, and hold the result against its promise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.configuration.compose import Composed
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import DivergedError

if TYPE_CHECKING:
    from dlrun.runs.verify import Verdict


def verify(
    about: Mapping[str, Any], composed: Composed, catalog: Catalog, *, quiet: bool
) -> tuple[Mapping[str, Any], Verdict, Path]:
    """Train a recipe in its run folder; return the result, the verdict and the folder."""
    from dlrun.cli.running import run_one
    from dlrun.runs.lock import lock_of
    from dlrun.runs.verify import check_data, verdict

    started: list[Path] = []

    def inspect(session: Any) -> None:
        started.append(session.run_dir.path)
        check_data(about, session.components.data)

    error = None
    try:
        result, folder = run_one(
            composed, catalog, Path(composed.run_dir), asked=composed.run_dir_asked, quiet=quiet, inspect=inspect
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
