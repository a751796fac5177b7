"""TensorBoard event files, in addition to metrics.jsonl."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlrun.configuration.schema.fields import Count
from dlrun.data.files.optional import import_optional
from dlrun.tasks.progress import Listener, Progress, Row


def tensorboard(run_dir: Path, *, flush_s: Count) -> Listener:
    """Return a listener that writes every row of metrics.jsonl as scalars to RUN_DIR/tensorboard.

    Raises ConfigError if the package tensorboard is not installed.
    """
    import_optional("tensorboard", extra="tensorboard", needed_by="logger=tensorboard")
    return _TensorBoard(run_dir / "tensorboard", flush_s)


class _TensorBoard(Listener):
    def __init__(self, folder: Path, flush_s: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder), flush_secs=flush_s)

    def on_step(self, progress: Progress, row: Row) -> None:
        for name, value in row.items():
            if name not in ("step", "epoch", "seconds"):
                self._writer.add_scalar(name, value, progress.step)

    def on_epoch(self, progress: Progress, row: Row) -> None:
        self.on_step(progress, row)

    def on_end(self, result: object) -> None:
        self._writer.close()
