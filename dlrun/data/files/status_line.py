"""Telling how far work that may take long has come, on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

_SILENT_S = 2.0  # what takes less needs no words
_ROWS_AT_ONCE = 256
_is_silenced = ContextVar("_is_silenced", default=False)
T = TypeVar("T")


@contextmanager
def silenced(*, wanted: bool) -> Iterator[None]:
    """A block in which nothing is told, where that is wanted."""
    before = _is_silenced.set(wanted or _is_silenced.get())
    try:
        yield
    finally:
        _is_silenced.reset(before)


def tell(line: str) -> None:
    """One line to the user, unless nothing is to be told."""
    if not _is_silenced.get():
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


@contextmanager
def long_work(what: str, total: int, *, unit: str = "files") -> Iterator[Callable[[int], None]]:
    """Yields what to call with the number of units just done; a line appears once it takes long.

    On a terminal the line is drawn anew five times a second, elsewhere there is one each ten seconds.
    """
    started = told = time.monotonic()
    is_live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    is_silent = _is_silenced.get()
    count, spoken = 0, False

    def done(items: int) -> None:
        nonlocal count, told, spoken
        count += items
        now = time.monotonic()
        if is_silent or now - started < _SILENT_S or now - told < (0.2 if is_live else 10.0):
            return
        told, spoken = now, True
        left = (now - started) * max(0, total - count) / max(1, count)
        line = f"{what}: {count:,} of {max(total, count):,} {unit}, {left:.0f} s left"
        sys.stderr.write(f"\r\x1b[K{line}" if is_live else f"{line}\n")
        sys.stderr.flush()

    try:
        yield done
    finally:
        if spoken:
            line = f"{what}: {count:,} of {max(total, count):,} {unit} in {time.monotonic() - started:.0f} s"
            sys.stderr.write(f"\r\x1b[K{line}\n" if is_live else f"{line}\n")
            sys.stderr.flush()


def counted(rows: Iterable[T], done: Callable[[int], None]) -> Iterator[T]:
    """The same rows; `done` is told of many at a time, since asking for the time costs as much as a row."""
    count = 0
    for row in rows:
        yield row
        count += 1
        if count == _ROWS_AT_ONCE:
            done(count)
            count = 0
    done(count)
