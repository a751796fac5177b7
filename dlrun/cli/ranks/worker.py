"""What a process that trains a run together with others does, from its start to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.cli.ranks.launched import in_words, text_of
from dlrun.cli.ranks.lifeline import Lifeline
from dlrun.cli.ranks.line import Assignment, receive_assignment
from dlrun.cli.ranks.process import SIGNALS
from dlrun.cli.running import Hooks, run_one
from dlrun.configuration.place import place_of_process
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.loading.orphans import die_with
from dlrun.errors import DlrunError
from dlrun.runs.sweeps.jobs import Event, Measured
from dlrun.training.signals import StopRequest

if TYPE_CHECKING:
    from dlrun.runs.run import Session
    from dlrun.tasks.progress import Listener
    from dlrun.training.loading import Given


def main(handle: int) -> None:
    """Train a run as one of several processes. handle: of the line to the launcher."""
    die_with(os.getppid())  # also while Ctrl-Z has paused it, when nothing here could notice
    line = socket.socket(fileno=handle)
    line.set_inheritable(False)
    with StopRequest() as stop:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        try:
            assignment = receive_assignment(line)
        except EOFError:
            os._exit(1)
        lifeline = Lifeline(line)
        code = _train(assignment, lifeline, stop)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)  # threads of gloo and NCCL may wait for processes that are gone


def _train(assignment: Assignment, lifeline: Lifeline, stop: StopRequest) -> int:
    """Train the run and tell its end; return the exit code."""
    from dlrun.cli.main import printable_streams

    try:
        with printable_streams(), stop.at_once():
            catalog = Catalog(plugins=assignment.plugins, config_dirs=assignment.config_dirs)
            result, folder = run_one(
                assignment.composed,
                catalog,
                assignment.path,
                asked=assignment.asked,
                quiet=assignment.quiet,
                profile=assignment.profile,
                hooks=HooksOfRank(assignment, lifeline),
            )
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the launcher tells it
        told = in_words(error, assignment.plugins) or error
        lifeline.tell({"error": described(told, error)})
        return getattr(told, "exit_code", 1)
    lifeline.tell({"done": {"result": result if place_of_process().is_first else None, "folder": str(folder)}})
    return 0


def described(error: BaseException, raised: BaseException | None = None) -> dict[str, Any]:
    """Return an error as plain values. raised: what was raised, if the error is that in words."""
    return {
        "kind": type(error).__name__,
        "text": text_of(error),
        "exit_code": getattr(error, "exit_code", 1),
        "is_ours": isinstance(error, DlrunError),
        "traceback": "".join(traceback.format_exception(raised or error)),
        "time": time.time(),
    }


class HooksOfRank(Hooks):
    """A process of a run tells its launcher where the run's folder is, and how a point of a sweep is doing."""

    def __init__(self, assignment: Assignment, lifeline: Lifeline) -> None:
        self._assignment, self._lifeline = assignment, lifeline

    def claimed(self, folder: Path) -> None:
        if place_of_process().is_first:
            self._lifeline.tell({"folder": str(folder)})

    def inspect(self, session: Session) -> None:
        if session.components.device.group.is_first:
            self._lifeline.tell({"trains": True})

    def observe(self, session: Session, stop: StopRequest) -> Sequence[Listener]:
        if self._assignment.point is None:
            return ()
        from dlrun.runs.sweeps.measuring import PointListener

        return [PointListener(self._assignment.point, LauncherChannel(self._lifeline), session, stop)]

    def given(self) -> Given:
        from dlrun.training.loading import Given

        return Given(cores=self._assignment.cores)


class LauncherChannel:
    """A Channel to the launcher of this process, which is a worker of a sweep."""

    def __init__(self, lifeline: Lifeline) -> None:
        self._lifeline = lifeline

    def report(self, event: Event) -> None:
        """Tell an evaluation; the launcher itself tells the rest."""
        if isinstance(event, Measured):
            self._lifeline.tell({"measured": asdict(event)})

    def needs(self, peak: int, free: int) -> None:
        """Tell the bytes that this process needs, and that are free."""
        self._lifeline.tell({"needs": [peak, free]})

    def stop_reason(self, point: int) -> str | None:
        """Return why the point should stop."""
        reason: str | None = self._lifeline.ask({"asks": point})["reason"]
        return reason
