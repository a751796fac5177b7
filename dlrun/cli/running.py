"""One run in its folder, watched and interruptible."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from dlrun.configuration.compose import Composed
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.status_line import silenced


def run_one(
    composed: Composed, catalog: Catalog, path: Path, *, asked: bool, quiet: bool, profile: bool = False
) -> tuple[dict[str, Any], Path]:
    """Train a composed run in a folder; returns its result and the folder it got."""
    from dlrun.training.signals import StopRequest

    with silenced(wanted=quiet), StopRequest() as stop:  # before torch is imported, which takes a second
        from dlrun.report import listeners as watch
        from dlrun.runs import run
        from dlrun.storage import run_dir

        stop.raise_if_requested()
        for notice in composed.notices:
            print(f"notice: {notice}", file=sys.stderr)  # noqa: T201
        claimed = run_dir.claim(path, asked=asked, resume=composed.config.resume)
        try:
            result = run.train(
                composed.config,
                catalog,
                claimed,
                stop=stop,
                watch=lambda session: watch.listeners(session, catalog, quiet=quiet, profile=profile),
            )
        finally:
            claimed.release()
    return result, claimed.path
