"""Train one run in its folder, with its listeners and signals, and print its result."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.configuration.compose import Composed
from dlrun.configuration.place import place_of_process
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.status_line import silenced

if TYPE_CHECKING:
    from dlrun.runs.run import Session
    from dlrun.tasks.progress import Listener
    from dlrun.training.build import Given
    from dlrun.training.signals import StopRequest


class Hooks:
    """What a run does for something that it is a part of; a run by itself does nothing more."""

    def inspect(self, session: Session) -> None:
        """Receive the run before anything is written or trained; may raise."""

    def observe(self, session: Session, stop: StopRequest) -> Sequence[Listener]:
        """Return more listeners, which may ask the run to stop."""
        del session, stop
        return ()

    def given(self) -> Given:
        """Return what the run shares with others; called once torch may be imported."""
        from dlrun.training.build import ALONE

        return ALONE


def run_one(
    composed: Composed,
    catalog: Catalog,
    path: Path,
    *,
    asked: bool,
    quiet: bool,
    profile: bool = False,
    hooks: Hooks | None = None,
) -> tuple[dict[str, Any], Path]:
    """Train a composed run; returns its result and its folder. hooks: of what the run is a part of.

    asked: whether the user named the folder; it is then used as it is, instead of one with a free name.
    Raises DataError, before the folder is made, if a file that the configuration names is missing.
    """
    from dlrun.data.files.named import check_tree
    from dlrun.training.signals import StopRequest

    hooks = hooks or Hooks()
    check_tree(composed.config.tree, catalog)
    with silenced(wanted=quiet), StopRequest() as stop:  # before torch is imported, which takes a second
        from dlrun.report.listeners import make_listeners
        from dlrun.runs import run
        from dlrun.storage import run_dir

        stop.raise_if_requested()
        for notice in composed.notices:
            print(f"notice: {notice}", file=sys.stderr)  # noqa: T201
        first, resume = place_of_process().is_first, composed.config.resume
        claimed = run_dir.claim(path, asked=asked, resume=resume) if first else run_dir.RunDirOfFirst(path)

        def listeners(session: Session) -> Sequence[Listener]:
            hooks.inspect(session)
            found = make_listeners(session, catalog, quiet=quiet, profile=profile) if first else ()
            return [*found, *hooks.observe(session, stop)]

        try:
            result = run.train(
                composed.config,
                catalog,
                claimed,
                stop=stop,
                make_listeners=listeners,
                given=hooks.given(),
            )
        finally:
            claimed.release()
    return result, claimed.path


def print_result(result: Mapping[str, Any], folder: Path, command: Command) -> None:
    """Print a run's metrics on standard output, and where to find its files on standard error.

    Of several processes that train one model, the first prints them.
    """
    if not place_of_process().is_first:
        return
    from dlrun.report.lines import result_table
    from dlrun.report.tables import print_table

    if command.has(flags.JSON):
        print(json.dumps({**result, "run_dir": str(folder)}, indent=2))  # noqa: T201
        return
    if result["status"] == "interrupted":
        print(f"dlrun: {result['error']}", file=sys.stderr)  # noqa: T201
    else:
        headings, rows = result_table(result)
        print_table(headings, rows, right=range(1, len(headings)))
    if command.has(flags.PROFILE):
        from dlrun.report.profile import table

        print()  # noqa: T201
        print_table(*table(json.loads((folder / "profile.json").read_text())), right=(1, 2))
    if not command.has(flags.QUIET):
        written = "config.yaml, metrics.jsonl, result.json, checkpoints/"
        written += ", profile.json, trace.json" if command.has(flags.PROFILE) else ""
        print(f"\nin {folder}: {written}", file=sys.stderr)  # noqa: T201
        print(f"next: dlrun eval {folder} · dlrun resume {folder} trainer.epochs=... · dlrun runs", file=sys.stderr)  # noqa: T201
