"""The progress of work that may take long, as one line on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from dlrun.wording import escape_controls, unfiltered

_SILENT_S = 2.0  # shorter work shows nothing
_ROWS_AT_ONCE = 256
_REDRAW = "\r\x1b[K"
_is_silenced = ContextVar("_is_silenced", default=False)
T = TypeVar("T")


@contextmanager
def silenced(*, wanted: bool) -> Iterator[None]:
    """A block in which nothing is printed, if `wanted`."""
    before = _is_silenced.set(wanted or _is_silenced.get())
    try:
        yield
    finally:
        _is_silenced.reset(before)


def print_status(line: str) -> None:
    """Print one line, unless silenced."""
    if not _is_silenced.get():
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


@contextmanager
def long_work(what: str, total: int, *, unit: str = "files") -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of units just done; a line appears once the work takes long.

    A terminal redraws the line five times a second; elsewhere a new one appears every ten seconds.
    """
    started = shown = time.monotonic()
    is_live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    is_silent = _is_silenced.get()
    count, has_line = 0, False

    def done(items: int) -> None:
        nonlocal count, shown, has_line
        count += items
        now = time.monotonic()
        if is_silent or now - started < _SILENT_S or now - shown < (0.2 if is_live else 10.0):
            return
        shown, has_line = now, True
        left = (now - started) * max(0, total - count) / max(1, count)
        line = f"{what}: {count:,} of {max(total, count):,} {unit}, {left:.0f} s left"
        _draw(line, is_live=is_live, end="" if is_live else "\n")

    try:
        yield done
    finally:
        if has_line:
            line = f"{what}: {count:,} of {max(total, count):,} {unit} in {time.monotonic() - started:.0f} s"
            _draw(line, is_live=is_live, end="\n")


def _draw(line: str, *, is_live: bool, end: str) -> None:
    """Print a line, on a terminal over the one before."""
    stream = unfiltered(sys.stderr)
    stream.write(f"{_REDRAW if is_live else ''}{escape_controls(line)}{end}")
    stream.flush()


def counted(rows: Iterable[T], done: Callable[[int], None]) -> Iterator[T]:
    """Yield the same rows; `done` receives many at a time, since reading the clock costs as much as a row."""
    count = 0
    for row in rows:
        yield row
        count += 1
        if count == _ROWS_AT_ONCE:
            done(count)
            count = 0
    done(count)
