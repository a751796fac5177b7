"""Telling how far work that may take long has come, on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SILENT_S = 2.0  # what takes less needs no words


@contextmanager
def long_work(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields what to call with the number of items just done; a line appears once it takes long."""
    started = told = time.monotonic()
    is_live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    count, spoken = 0, False

    def done(items: int) -> None:
        nonlocal count, told, spoken
        count += items
        now = time.monotonic()
        if now - started < _SILENT_S or now - told < (0.2 if is_live else 10.0):
            return
        told, spoken = now, True
        left = (now - started) * (total - count) / max(1, count)
        line = f"{what}: {count:,} of {total:,} files, {left:.0f} s left"
        sys.stderr.write(f"\r\x1b[K{line}" if is_live else f"{line}\n")
        sys.stderr.flush()

    try:
        yield done
    finally:
        if spoken:
            line = f"{what}: {count:,} of {total:,} files in {time.monotonic() - started:.0f} s"
            sys.stderr.write(f"\r\x1b[K{line}\n" if is_live else f"{line}\n")
            sys.stderr.flush()
