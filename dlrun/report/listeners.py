"""The listeners of a run: metrics file, log, samples, the chosen logger, profile and console."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.configuration.schema.catalog import Catalog
from dlrun.report.metrics_file import MetricsFile
from dlrun.report.plain import PlainLines
from dlrun.report.terminal import is_live
from dlrun.runs.run import Session
from dlrun.storage import disk as system
from dlrun.storage.atomic import storage_error, write_all
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.tasks.task import Task
from dlrun.wording import escape_controls, unfiltered


def make_listeners(
    session: Session, catalog: Catalog, *, quiet: bool = False, profile: bool = False
) -> Sequence[Listener]:
    """Return the listeners of a run, in the order in which they are called; few if this process is not its first."""
    group = session.components.device.group
    if not group.is_first:
        return [] if group.shards is None else [HelpWithSamples(session.components.task)]
    config, folder = session.config, session.run_dir.path
    # The logger comes first: it may raise, and then no file is opened.
    logger = catalog.load("logger", config.logger.name)(folder, **config.logger.arguments)
    found: list[Listener] = [MetricsFile(folder / "metrics.jsonl", from_step=session.resumed_from)]
    found.append(LogFile(session, folder / "dlrun.log"))
    found.append(Samples(session.components.task, folder / "samples"))
    if logger is not None:
        found.append(logger)
    if profile:
        from dlrun.report.profile import Profile

        found.append(Profile(session))
    if not quiet:
        found.append(console(session))
    return found


def console(session: Session) -> Listener:
    """Return the live console for a terminal, or plain lines for a pipe or CI."""
    if is_live(sys.stderr):
        from rich.console import Console

        from dlrun.report.live import LiveConsole

        return LiveConsole(session, Console(file=unfiltered(sys.stderr), highlight=False))
    return PlainLines(session, lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201


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
