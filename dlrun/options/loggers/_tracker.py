"""A tracker receives a run's events behind a bounded queue: slow, hanging or failing, it neither stops nor slows it."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from dlrun.options.loggers._sink import CAPACITY
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.wording import count, duration, plural

SLOW_S = 60.0  # without an answer, after which it is said
INTERRUPTED_WAIT_S = 10.0  # the longest wait at the end of a run that the user stopped
OVERDUE_WAIT_S = 1.0  # the same for a tracker that has let a run of this process wait for nothing

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class About:
    """What a tracker is told of a run before its first event."""

    config: Mapping[str, Any]  # the tree
    config_text: str  # config.yaml
    resumed_from: int | None  # the checkpoint's step


class Tracker(Listener):
    """Passes events on without waiting; subclasses say to where. It says each thing that goes wrong once."""

    _overdue: ClassVar[set[str]] = set()  # names of trackers that did not finish in time, in this process

    def __init__(self, name: str, *, wait_s: float) -> None:
        self.name = name
        self._wait_s = wait_s
        self._say: Say = _say_nothing
        self._said: set[str] = set()
        self._saying = threading.Lock()
        self._sent = self._done = self._left_out = 0
        self._failed = False
        self._answered_at = time.monotonic()

    def begin(self, about: About, say: Say) -> None:
        """Start to track a run. say: shows a line to the user; it may be called from another thread."""
        self._say = say
        self._answered_at = time.monotonic()
        self._start(about)

    def on_step(self, progress: Progress, row: Row) -> None:
        self._offer("on_step", progress, row)

    def on_epoch(self, progress: Progress, row: Row) -> None:
        self._offer("on_epoch", progress, row)

    def on_end(self, result: Mapping[str, Any]) -> None:
        """Wait until everything is passed on, for a bounded time; from then on it says nothing."""
        try:
            self._end(result)
        finally:
            with self._saying:
                self._say = _say_nothing  # the log is closed now, and its handle may be another file's

    def _end(self, result: Mapping[str, Any]) -> None:
        wait_s = min(self._wait_s, INTERRUPTED_WAIT_S) if result["status"] == "interrupted" else self._wait_s
        wait_s = min(wait_s, OVERDUE_WAIT_S) if self.name in self._overdue else wait_s
        if not self._finish(result, deadline=time.monotonic() + wait_s):
            self._overdue.add(self.name)
            what = f"did not finish within {duration(wait_s)} of the run's end and is left behind"
            self.tell("end", f"{what}: {self._missing()}.")
            return
        self._overdue.discard(self.name)
        if self._left_out and not self._failed:
            self.tell("end", f"could not keep up: {self._missing()}.")

    def tell(self, kind: str, what: str) -> None:
        """Say something about this tracker, unless something of its kind was said before."""
        with self._saying:
            if kind not in self._said:
                self._said.add(kind)
                self._say(f"logger={self.name} {what}")

    def _missing(self) -> str:
        missing = self._left_out + self._sent - self._done
        return f"{plural(missing, 'row')} may be missing there; metrics.jsonl has them all"

    def _offer(self, event: str, progress: Progress, row: Row) -> None:
        now = time.monotonic()
        if self._sent == self._done:
            self._answered_at = now
        elif now - self._answered_at > SLOW_S:
            self.tell("slow", f"has not answered for {duration(SLOW_S)}; the run goes on without waiting for it.")
        if self._put(event, progress, row):
            self._sent += 1
        else:
            self._left_out += 1
            if not self._failed:
                what = f"cannot keep up: {count(CAPACITY)} rows wait for it, and new ones are left out there"
                self.tell("full", f"{what}; metrics.jsonl has them all.")

    def _answered(self, done: int) -> None:
        """Note that so many more events are passed on."""
        self._done += done
        self._answered_at = time.monotonic()

    def _start(self, about: About) -> None:
        """Start to receive events."""
        raise NotImplementedError

    def _put(self, event: str, progress: Progress, row: Row) -> bool:
        """Take an event without waiting; return whether there was room for it."""
        raise NotImplementedError

    def _finish(self, result: Mapping[str, Any], *, deadline: float) -> bool:
        """Pass on everything and the result; return whether that was done by the deadline of time.monotonic()."""
        raise NotImplementedError


def _say_nothing(text: str) -> None:
    """Stand in before a run has begun, and after its end."""
    del text
