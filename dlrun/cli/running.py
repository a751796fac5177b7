"""Train one run in its folder, with its listeners and signals, and print its result."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.notices import tell
from dlrun.cli.ranks.launcher import share_of_cores, train_in_processes
from dlrun.cli.ranks.line import Assignment
from dlrun.cli.ranks.number import notices_of_number, processes_to_start
from dlrun.configuration.compose import Composed
from dlrun.configuration.place import Place, place_of_process
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.status_line import silenced
from dlrun.report.json_output import print_json
from dlrun.runs.sweeps.jobs import Channel, Measured, MemoryWatch

if TYPE_CHECKING:
    from dlrun.runs.history import Begun
    from dlrun.runs.run import Session
    from dlrun.tasks.progress import Listener
    from dlrun.training.loading import Given
    from dlrun.training.signals import StopRequest


class Hooks:
    """What a run does for something that it is a part of; a run by itself does nothing more.

    trains_alone: whether one process trains it, whatever the configuration says.
    """

    trains_alone = False

    def claimed(self, folder: Path) -> None:
        """Receive the run's folder, before anything is loaded."""

    def inspect(self, session: Session) -> None:
        """Receive the run before anything is written or trained; may raise."""

    def observe(self, session: Session, stop: StopRequest) -> Sequence[Listener]:
        """Return more listeners, which may ask the run to stop."""
        del session, stop
        return ()

    def given(self) -> Given:
        """Return what the run shares with others; called once torch may be imported."""
        from dlrun.training.loading import ALONE

        return ALONE

    def afar(self) -> Afar | None:
        """Return what the processes of the run do for the same, if several train it; None for nothing."""
        return None


class Afar(NamedTuple):
    """A point of a sweep that several processes train: its number and who hears of it.

    cores: that all processes may use, if the sweep divides the machine.
    """

    point: int
    channel: Channel
    cores: int | None


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

    hooks, place = hooks or Hooks(), place_of_process()
    check_tree(composed.config.tree, catalog)
    number = 1 if hooks.trains_alone else processes_to_start(composed.config, place)
    if number > 1:
        plugins, folders = catalog.plugins, catalog.config_dirs
        assignment = Assignment(composed, plugins, folders, path, asked=asked, quiet=quiet, profile=profile)
        return _train_in_processes(assignment, number, hooks.afar())
    with silenced(wanted=quiet), StopRequest() as stop:  # before torch is imported, which takes a second
        from dlrun.report.listeners import make_listeners
        from dlrun.runs import run
        from dlrun.runs.history import threads_of
        from dlrun.storage import run_dir

        stop.raise_if_requested()
        _tell_notices(composed, place, trains_alone=hooks.trains_alone)
        first, resume = place.is_first, composed.config.resume
        begun = threads_of(path) if resume != "never" else None
        claimed = run_dir.claim(path, asked=asked, resume=resume) if first else run_dir.RunDirOfFirst(path)
        hooks.claimed(claimed.path)

        def listeners(session: Session) -> Sequence[Listener]:
            hooks.inspect(session)
            found = make_listeners(session, catalog, quiet=quiet, profile=profile)
            return [*found, *hooks.observe(session, stop)] if first else found

        try:
            given = _given(hooks, begun)
            result = run.train(composed.config, catalog, claimed, stop=stop, make_listeners=listeners, given=given)
        finally:
            claimed.release()
    return result, claimed.path


def _given(hooks: Hooks, begun: Begun | None) -> Given:
    """Return what a run is given, with the threads that it was begun with, if it was."""
    given = hooks.given()
    return given if begun is None else dataclasses.replace(given, threads=begun.threads)


def _tell_notices(composed: Composed, place: Place, *, trains_alone: bool) -> None:
    """Print the notices of a configuration, of several processes the first one."""
    if place.is_first:
        tell([*composed.notices, *notices_of_number(composed.config, place, trains_alone=trains_alone)])


def _train_in_processes(assignment: Assignment, number: int, afar: Afar | None) -> tuple[dict[str, Any], Path]:
    """Train a run in processes that this one starts; what the first one tells of a point goes to the point's sweep."""
    if afar is None:
        return train_in_processes(assignment, number)
    channel = afar.channel

    def hear(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if "asks" in message:
            return {"reason": channel.stop_reason(afar.point)}
        if "measured" in message:
            channel.report(Measured(**message["measured"]))
        elif "needs" in message and isinstance(channel, MemoryWatch):
            peak, free = message["needs"]
            channel.needs(peak * number, free)
        return None

    cores = share_of_cores(afar.cores, number)
    return train_in_processes(dataclasses.replace(assignment, cores=cores, point=afar.point), number, hear=hear)


def print_result(result: Mapping[str, Any], folder: Path, command: Command) -> None:
    """Print a run's metrics on standard output, and where to find its files on standard error.

    Of several processes that train one model, the first prints them.
    """
    if not place_of_process().is_first:
        return
    from dlrun.report.lines import result_table
    from dlrun.report.tables import print_table

    if command.has(flags.JSON):
        print_json({**result, "run_dir": str(folder)})
        return
    if result["status"] == "interrupted":
        print(f"dlrun: {result['error']}", file=sys.stderr)
    else:
        headings, rows = result_table(result)
        print_table(headings, rows, right=range(1, len(headings)))
    if command.has(flags.PROFILE):
        from dlrun.report.profile import table

        print()
        print_table(*table(json.loads((folder / "profile.json").read_text())), right=(1, 2))
    if not command.has(flags.QUIET):
        written = "config.yaml, metrics.jsonl, result.json, checkpoints/"
        written += ", profile.json, trace.json" if command.has(flags.PROFILE) else ""
        print(f"\nin {folder}: {written}", file=sys.stderr)
        print(f"next: dlrun eval {folder} · dlrun resume {folder} trainer.epochs=... · dlrun runs", file=sys.stderr)
