"""What happens in a run, as those who watch it are told. Listeners observe; they change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.progress import Progress

Row = Mapping[str, float]
"""`step`, `epoch`, `seconds`, then metrics named `split/name`."""


class Listener:
    """Somebody who watches a run; each method does nothing unless overridden."""

    def on_step(self, progress: Progress, row: Row) -> None:
        """After a step that is logged."""

    def on_epoch(self, progress: Progress, row: Row) -> None:
        """After an evaluation."""

    def on_end(self, result: Mapping[str, Any]) -> None:
        """Once, when the run is over, however it ended."""
