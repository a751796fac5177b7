"""The console of a running training: a header, a progress bar, and lines for evaluations."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bars
from rich.progress import Task as Bar
from rich.table import Table
from rich.text import Text

from dlrun.report.lines import epoch_line, headline, summary_line, verdict_lines
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.wording import count, duration, escape_controls, number

if TYPE_CHECKING:
    from dlrun.runs.run import Session

_MAX_LINES = 24  # evaluations with a line; of more, only those that improve and every n-th one
_REFRESH_HZ = 8


class _TimeLeft(ProgressColumn):
    """The time left, from the mean speed since the bar started, evaluations included."""

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()
        self._first: float | None = None

    def render(self, task: Bar) -> Text:
        if self._first is None:
            self._first = task.completed
        done = task.completed - self._first
        elapsed = time.monotonic() - self._started
        if not done or not task.total:
            return Text("", style="cyan")
        return Text(f"{duration((task.total - task.completed) * elapsed / done)} left", style="cyan")


class _Bars(Bars):
    """A bar that reads the progress of the run whenever it is drawn, so that it costs a step nothing."""

    progress: Progress
    bar: Any = None

    def get_renderables(self) -> Any:
        if self.bar is not None:
            seconds = self.progress.train_seconds
            rate = f"{count(self.progress.samples / seconds)} rows/s" if seconds > 0 else ""
            self._tasks[self.bar].completed = self.progress.step
            self._tasks[self.bar].fields["rate"] = rate
            self._tasks[self.bar].fields["epoch"] = self.progress.epoch + 1
        return super().get_renderables()


class LiveConsole(Listener):
    """Draws on a console, which must be a terminal."""

    def __init__(self, session: Session, console: Console) -> None:
        self._console = console
        self._task = session.components.task
        self._epochs = session.config.trainer.epochs
        self._lines = 0
        self._best: float | None = None
        self._header(session)
        trainer = session.trainer
        total = min(trainer.horizon.total_steps, (self._epochs or 10**12) * trainer.horizon.steps_per_epoch)
        of = f"/{self._epochs}" if self._epochs else ""
        self._bars = _Bars(
            SpinnerColumn("dots"),
            TextColumn("epoch {task.fields[epoch]}" + of),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
            TextColumn("[dim]{task.fields[rate]}"),
            TextColumn("{task.fields[loss]}"),
            _TimeLeft(),
            console=console,
            refresh_per_second=_REFRESH_HZ,
            transient=True,
        )
        self._bars.progress = trainer.progress
        self._bars.bar = self._bars.add_task(
            "train", total=total, completed=trainer.progress.step, rate="", loss="", epoch=1
        )
        self._bars.start()

    def _header(self, session: Session) -> None:
        table = Table.grid(padding=(0, 2))
        for word, what in headline(session):
            table.add_row(Text(word, style="dim"), Text(escape_controls(what)))
        self._console.print(Text("dlrun", style="bold cyan"), Text(" trains"), sep="")
        self._console.print(table)
        for notice in session.notices:
            self._console.print(Text(f"notice: {escape_controls(notice)}", style="yellow"))

    def notice(self, text: str) -> None:
        """Show something that is not of the training; may be called from another thread."""
        self._bars.console.print(Text(f"notice: {escape_controls(text)}", style="yellow"))

    def on_step(self, progress: Progress, row: Row) -> None:
        losses = [
            f"{name.removeprefix('train/')} {number(value)}" for name, value in row.items() if name.startswith("train/")
        ]
        self._bars.update(self._bars.bar, loss="  ".join(losses))

    def on_epoch(self, progress: Progress, row: Row) -> None:
        improved = progress.best is not None and progress.best.step == progress.step
        spacing = max(1, (self._epochs or 1) // _MAX_LINES)
        if not improved and int(row["epoch"]) % spacing:
            return
        if improved and self._lines >= 2 * _MAX_LINES and int(row["epoch"]) % spacing:
            return
        self._lines += 1
        line = Text(f"  epoch {int(row['epoch']):>4}  ", style="dim")
        line.append(epoch_line(row, self._task.progress_metrics), style="bold" if improved else "")
        line.append("  ← best" if improved else "", style="green")
        self._bars.console.print(line)

    def on_notice(self, text: str) -> None:
        self._bars.console.print(Text(f"notice: {escape_controls(text)}", style="yellow"))

    def on_end(self, result: Mapping[str, Any]) -> None:
        self._bars.stop()
        style = {"completed": "green", "interrupted": "yellow"}.get(result["status"], "red")
        text = Text(result["status"], style=f"bold {style}")
        text.append(f": {summary_line(result)}", style="")
        self._console.print(text)
        for line in verdict_lines(result):
            self._console.print(Text(escape_controls(line), style="yellow" if line.startswith("notice:") else ""))
