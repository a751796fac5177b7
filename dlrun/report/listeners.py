"""The listeners of a run: metrics file, samples, the chosen loggers, log, profile and console."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.configuration.run_config import Choice
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.user_code import tell
from dlrun.configuration.yaml_text import to_yaml
from dlrun.options.loggers._threaded import ThreadedTracker
from dlrun.options.loggers._tracker import About, Tracker
from dlrun.report.metrics_file import MetricsFile
from dlrun.report.plain import PlainLines
from dlrun.report.terminal import is_live
from dlrun.runs.run import Session
from dlrun.storage import disk as system
from dlrun.storage.atomic import storage_error, write_all
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.tasks.task import Task
from dlrun.wording import escape_controls, unfiltered

if TYPE_CHECKING:
    from dlrun.report.live import LiveConsole


def make_listeners(
    session: Session, catalog: Catalog, *, quiet: bool = False, profile: bool = False
) -> Sequence[Listener]:
    """Return the listeners of a run, in the order in which they are called; few if this process is not its first."""
    group = session.components.device.group
    if not group.is_first:
        return [] if group.shards is None else [HelpWithSamples(session.components.task)]
    config, folder = session.config, session.run_dir.path
    # The loggers come first: they may raise, and then no file is opened.
    trackers = [each for each in (_tracker(choice, catalog, folder) for choice in config.loggers) if each is not None]
    found: list[Listener] = [MetricsFile(folder / "metrics.jsonl", from_step=session.resumed_from)]
    found.append(Samples(session.components.task, folder / "samples"))
    found += trackers  # before what shows what they have to say, after what writes the pictures that they pass on
    shown: list[PlainLines | LiveConsole] = [LogFile(session, folder / "dlrun.log")]
    if not quiet:
        shown.append(console(session))
    text = to_yaml({**config.tree, "resume": "never"})
    for tracker in trackers:
        tracker.begin(About(config.tree, text, session.resumed_from), partial(_say, shown, quiet=quiet))
    found += shown[:1]
    if profile:
        from dlrun.report.profile import Profile

        found.append(Profile(session))
    return found + shown[1:]


def _tracker(choice: Choice, catalog: Catalog, folder: Path) -> Tracker | None:
    """Return the tracker of a logger: dlrun's own, or a user's listener behind a thread."""
    make = partial(catalog.load("logger", choice.name), folder, **choice.arguments)
    if catalog.option("logger", choice.name).origin != "dlrun":
        return ThreadedTracker(choice.name, make, lambda error: tell(error, catalog.plugins))
    made: Tracker | None = make()
    return made


def _say(shown: Sequence[PlainLines | LiveConsole], text: str, *, quiet: bool) -> None:
    """Show a line of a tracker, in the log too; a quiet process shows it once, however many runs it trains."""
    for each in shown:
        each.notice(text)
    if quiet and text not in _said:
        _said.add(text)
        print(f"notice: {escape_controls(text)}", file=sys.stderr, flush=True)


_said: set[str] = set()


def console(session: Session) -> PlainLines | LiveConsole:
    """Return the live console for a terminal, or plain lines for a pipe or CI."""
    if is_live(sys.stderr):
        from rich.console import Console

        from dlrun.report.live import LiveConsole

        return LiveConsole(session, Console(file=unfiltered(sys.stderr), highlight=False))
    return PlainLines(session, lambda line: print(line, file=sys.stderr, flush=True))


class LogFile(PlainLines):
    """`dlrun.log`: the text of the console, without colour, and the error that ended the run."""

    def __init__(self, session: Session, path: Path) -> None:
        self._path = path
        try:
            self._handle = system.disk.append(path)
        except OSError as error:
            raise storage_error(path, error) from error
        super().__init__(session, self._write, every_evaluation=True)

    def _write(self, line: str) -> None:
        try:
            write_all(self._handle, f"{escape_controls(line)}\n".encode())
        except OSError as error:
            raise storage_error(self._path, error) from error

    def on_end(self, result: Mapping[str, Any]) -> None:
        try:
            super().on_end(result)
            if result["error"]:
                self._write(f"error: {result['error']}")
        finally:
            os.close(self._handle)


class Samples(Listener):
    """Writes an image of samples of a generative model after each evaluation."""

    def __init__(self, task: Task, folder: Path) -> None:
        self._task = task
        self._folder = folder

    def on_epoch(self, progress: Progress, row: Row) -> None:
        path = self._folder / f"epoch-{int(row['epoch']):04d}.png"
        try:
            self._task.write_samples(path)
        except OSError as error:
            raise storage_error(path, error) from error


class HelpWithSamples(Listener):
    """Makes the first process's samples with it, whose forward pass needs every process; keeps none."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def on_epoch(self, progress: Progress, row: Row) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._task.write_samples(Path(folder) / "samples.png")
