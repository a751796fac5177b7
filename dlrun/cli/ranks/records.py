"""What a run's folder tells of processes that failed: why the run ended, and what each of them printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dlrun.cli.ranks.process import RankProcess
from dlrun.errors import Interrupted, PeerLostError
from dlrun.storage.atomic import replace_file


def record(error: Exception, processes: Sequence[RankProcess], folder: Path) -> None:
    """Write why a run ended, for all its processes, into its folder.

    The first process writes the result, but what it knows of an error in another one is only that this one is gone.
    A failure to write is not told: the error that ended the run is, and this only adds to it.
    """
    if isinstance(error, Interrupted) or not folder.is_dir():
        return
    with suppress(Exception):
        if processes[0].report.get("error", {}).get("kind") == PeerLostError.__name__:
            _write_cause(str(error), folder)
    for each in processes:
        with suppress(Exception):
            if text := each.output():
                replace_file(folder / f"rank-{each.rank}.log", f"{text}\n".encode())


def _write_cause(text: str, folder: Path) -> None:
    """Replace the error of a run that failed."""
    path = folder / "result.json"
    result = json.loads(path.read_bytes())
    if result["status"] != "failed" or result["error"] == text:
        return
    replace_file(path, (json.dumps({**result, "error": text}, indent=2) + "\n").encode())
    with (folder / "dlrun.log").open("a", encoding="utf-8") as log:
        log.write(f"error: {text}\n")
