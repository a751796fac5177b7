"""A block of lines at the bottom of a terminal that is drawn again and again; what others print appears above it.

Everything that reaches standard error meanwhile, from this process or those it starts (notices, warnings, the answer to
Ctrl-C), goes through a pipe and is printed above the block, each line once.
"""

from __future__ import annotations

import os
import re
import select
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.cells import cell_len

from dlrun.wording import escape_controls

Frame = Callable[[int, int], Sequence[str]]
"""Return the lines to draw, at most `height` of at most `width` cells; they may have colour codes."""

_STDERR = 2
_MOST_SEEN = 10_000  # different lines that are remembered
_CLEAR_LINE, _CLEAR_BELOW = "\x1b[K", "\x1b[J"  # from the cursor on
_CODES = re.compile(r"\x1b\[[0-9;]*m")


class Screen:
    """Draws a block in a thread of its own, at most `refresh_hz` times a second; use it as a context.

    It is erased at the end, unless an error ends it: then it stays.
    """

    def __init__(self, frame: Frame, *, refresh_hz: float = 4.0, idle_s: float = 1.0) -> None:
        self._frame, self._interval_s, self._idle_s = frame, 1 / refresh_hz, idle_s
        self._changed = True
        self._drawn: list[int] = []  # the widths of the lines on the screen
        self._seen: set[bytes] = set()
        self._rest = b""  # of what others print: the line that has not ended
        self._ended = False
        self._failure: Exception | None = None  # of the thread
        self._thread = threading.Thread(target=self._draw, name="sweep-table", daemon=True)

    def __enter__(self) -> Screen:
        sys.stderr.flush()
        self._terminal = os.dup(_STDERR)
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.dup2(write, _STDERR)
        os.close(write)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stderr.flush()
        self._ended = True
        os.dup2(self._terminal, _STDERR)
        self._thread.join()
        if self._failure is None:
            self._leave(is_wiped=error is None)
        os.close(self._terminal)
        os.close(self._read)
        if self._failure is not None and error is None and not isinstance(self._failure, OSError):
            raise self._failure  # one of the system means that the terminal is gone: nobody is watching

    def _leave(self, *, is_wiped: bool) -> None:
        """Print what others have printed, and wipe the block or draw it a last time."""
        self._take_printed()
        printed = self._whole_lines() + ([self._rest] if self._rest else [])
        block = self._wiped() if is_wiped else self._block() + "\n"
        self._write(self._to_top() + self._above(printed) + block)

    def change(self) -> None:
        """Say that the block would look different now."""
        self._changed = True

    def _draw(self) -> None:
        """Draw until the end; give standard error back if that fails, for nobody would read the pipe."""
        try:
            self._loop()
        except Exception as error:  # noqa: BLE001 - raised again by the thread that shows the block
            self._failure = error
            os.dup2(self._terminal, _STDERR)

    def _loop(self) -> None:
        drawn_at = 0.0
        while not self._ended:
            ready = select.select([self._read], [], [], self._interval_s)[0]
            if ready and not self._take_printed():
                time.sleep(self._interval_s)  # nobody can print any more
            lines = self._whole_lines()
            due = time.monotonic() - drawn_at
            if lines or (self._changed and due >= self._interval_s) or due >= self._idle_s:
                self._changed, drawn_at = False, time.monotonic()
                self._write(self._to_top() + self._above(lines) + self._block())

    def _take_printed(self) -> bool:
        """Read what others printed; return False once nobody can print any more."""
        try:
            while chunk := os.read(self._read, 65536):
                self._rest += chunk
            return False
        except BlockingIOError:
            return True

    def _whole_lines(self) -> list[bytes]:
        *lines, self._rest = self._rest.split(b"\n")
        return lines

    def _above(self, lines: Sequence[bytes]) -> str:
        """Return lines that others printed, without those that were printed before."""
        shown = []
        for line in lines:
            line = line.rstrip(b"\r").rpartition(b"\r")[2].rstrip()
            if line and line not in self._seen:
                shown.append(escape_controls(line.decode(errors="replace")) + f"{_CLEAR_LINE}\n")
                if len(self._seen) < _MOST_SEEN:
                    self._seen.add(line)
        return "".join(shown)

    def _num_rows(self) -> int:
        """Return how many rows of the terminal the block takes: one that became narrower has wrapped its lines."""
        width, height = self._size()
        return min(height, sum(max(1, -(-drawn // width)) for drawn in self._drawn))

    def _to_top(self) -> str:
        """Return what moves the cursor to the first row of the block; each row is then cleared as it is drawn.

        Erasing them all at once would flicker, and some terminals keep what is erased in their history.
        """
        return _up(self._num_rows())

    def _wiped(self) -> str:
        """Return what clears the rows of the block, seen from its first one."""
        rows = self._num_rows()
        return "\n".join([_CLEAR_LINE] * rows) + _up(rows)

    def _block(self) -> str:
        width, height = self._size()
        lines = list(self._frame(width - 1, height - 1))
        self._drawn = [cell_len(_CODES.sub("", line)) for line in lines]
        return "\n".join(line + _CLEAR_LINE for line in lines) + _CLEAR_BELOW

    def _size(self) -> tuple[int, int]:
        """Return columns and lines of the terminal; 80 and 24 if it does not know."""
        try:
            size = os.get_terminal_size(self._terminal)
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    def _write(self, text: str) -> None:
        """Write at once, so that no half-drawn block is seen."""
        data = text.encode(errors="replace")
        while data:
            data = data[os.write(self._terminal, data) :]


def _up(rows: int) -> str:
    """Return what moves the cursor from the last to the first of so many rows."""
    return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "")
