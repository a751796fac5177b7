"""How busy a GPU is while something runs, as `nvidia-smi` tells it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator

_EVERY_MS = 100


class Utilisation:
    """The largest share of time in which a kernel ran; None where `nvidia-smi` is missing or told nothing."""

    def __init__(self) -> None:
        self.share: float | None = None


@contextlib.contextmanager
def watched() -> Iterator[Utilisation]:
    """A context whose utilisation is known after it."""
    found = Utilisation()
    command = shutil.which("nvidia-smi")
    if command is None:
        yield found
        return
    query = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", f"--loop-ms={_EVERY_MS}"]
    process = subprocess.Popen([command, *query], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield found
    finally:
        process.terminate()
        told, _ = process.communicate()
        found.share = largest_share(told)


def largest_share(told: str) -> float | None:
    """Return the largest of the percentages in the lines that `nvidia-smi` printed, as a share.

    Each is a mean over up to a second. Those at the beginning and the end are low: data are read, files are written.
    """
    numbers = [float(line) for line in told.splitlines() if line.strip().isdigit()]
    return max(numbers) / 100 if numbers else None
