"""The losses of a recipe's first steps, which `dlrun share` and `dlrun publish` train again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dlrun.cli.notices import tell
from dlrun.errors import DlrunError, Interrupted
from dlrun.wording import printable

if TYPE_CHECKING:
    from dlrun.configuration.schema.catalog import Catalog
    from dlrun.runs.history import SavedRun
    from dlrun.runs.share import Shared


_OF_PROCESSES = ("processes", "strategy")
"""What one process does not repeat, and need not: several have its losses but for rounding, and the lock says so."""


def with_losses(shared: Shared, run: SavedRun, catalog: Catalog, *, say: Callable[[str], None]) -> Shared:
    """Train the first steps again; without their losses, and with a notice, where that is not the run's training.

    say: receives a line before it begins.
    """
    from dlrun.runs.first_losses import environment_of, first_losses
    from dlrun.runs.lock import describe, differences, lock_of

    say("training the first steps again, for `dlrun verify --quick`")
    why = ""
    try:
        components, losses = first_losses(shared.config, catalog)
    except Interrupted:
        raise
    except DlrunError as error:
        why = str(error)
    else:
        here = {**lock_of({"environment": environment_of(components)}), "auto": components.auto}
        differs = differences(lock_of(run.result), here)
        differs = {key: values for key, values in differs.items() if key not in _OF_PROCESSES}
        if components.data.fingerprint != run.result["dataset"]["fingerprint"]:
            why = "the data has changed since the run"
        elif differs:
            why = f"this is not the environment of the run ({describe(differs)})"
        else:
            return shared.with_losses(losses)
    tell([f"the recipe has no losses of its first steps: {printable(why, limit=1000)}"])
    return shared
