"""dlrun.options.loggers._threaded: a plugin's logger that raises, sleeps or hangs, behind its thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dlrun.errors import ConfigError
from dlrun.options.loggers import _threaded, _tracker
from dlrun.options.loggers._threaded import ThreadedTracker
from dlrun.options.loggers._tracker import About, Tracker
from dlrun.tasks.progress import Best, Listener, Progress, Row
from tests.conftest import SHORT

Dlrun = Callable[..., tuple[int, str, str]]
ABOUT = About({}, "", None)
COMPLETED = {"status": "completed"}


@pytest.fixture(autouse=True)
def nothing_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tracker, "_overdue", set())


class Collector(Listener):
    def __init__(self) -> None:
        self.found: list[Any] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def on_step(self, progress: Progress, row: Row) -> None:
        self.may_go_on.wait(20)
        self.found.append((progress.step, progress.best, dict(progress.loss_totals), row["step"]))

    def on_end(self, result: Mapping[str, Any]) -> None:
        self.found.append(result["status"])


def tracker_of(make: Callable[[], Listener | None], said: list[str]) -> ThreadedTracker:
    tracker = ThreadedTracker("mine", make, str)
    tracker.begin(ABOUT, said.append)
    return tracker


def test_events_arrive_in_order_with_the_progress_as_it_was() -> None:
    listener, said = Collector(), list[str]()
    tracker = tracker_of(lambda: listener, said)
    listener.may_go_on.clear()
    progress = Progress(step=1, best=Best("loss", 0.5, 1, 1), loss_totals={"loss": 1.0})
    tracker.on_step(progress, {"step": 1})
    progress.step, progress.loss_totals["loss"] = 2, 3.0
    assert progress.best is not None
    progress.best.value = 0.25
    tracker.on_step(progress, {"step": 2})
    listener.may_go_on.set()
    tracker.on_end(COMPLETED)
    best = Best("loss", 0.5, 1, 1), Best("loss", 0.25, 1, 1)
    assert listener.found == [(1, best[0], {"loss": 1.0}, 1), (2, best[1], {"loss": 3.0}, 2), "completed"]
    assert said == []


def test_more_than_the_queue_holds_is_left_out_and_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threaded, "CAPACITY", 3)
    listener, said = Collector(), list[str]()
    tracker = tracker_of(lambda: listener, said)
    listener.may_go_on.clear()
    tracker.on_step(Progress(), {"step": 0})
    while not tracker._calls.empty():  # the thread has taken the first
        time.sleep(0.01)
    for step in range(1, 7):
        tracker.on_step(Progress(), {"step": step})
    what = "cannot keep up: 10,000 rows wait for it, and new ones are left out there; metrics.jsonl has them all."
    assert said == [f"logger=mine {what}"]
    listener.may_go_on.set()
    tracker.on_end(COMPLETED)
    assert [each[-1] for each in listener.found[:-1]] == [0, 1, 2, 3]
    assert said[1:] == ["logger=mine could not keep up: 3 rows may be missing there; metrics.jsonl has them all."]


def test_a_silence_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tracker, "SLOW_S", 0.1)
    listener, said = Collector(), list[str]()
    tracker = tracker_of(lambda: listener, said)
    listener.may_go_on.clear()
    for _ in range(3):
        tracker.on_step(Progress(), {"step": 0})
        time.sleep(0.15)
    listener.may_go_on.set()
    tracker.on_end(COMPLETED)
    assert said == ["logger=mine has not answered for 0.1 s; the run goes on without waiting for it."]


@pytest.mark.parametrize(("status", "waited"), [("completed", "0.3 s"), ("interrupted", "0.1 s")])
def test_the_end_waits_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch, status: str, waited: str) -> None:
    monkeypatch.setattr(_threaded, "WAIT_S", 0.3)
    monkeypatch.setattr(_tracker, "INTERRUPTED_WAIT_S", 0.1)
    listener, said = Collector(), list[str]()
    tracker = tracker_of(lambda: listener, said)
    listener.may_go_on.clear()
    tracker.on_step(Progress(), {"step": 0})
    started = time.monotonic()
    tracker.on_end({"status": status})
    assert time.monotonic() - started < 5
    what = "did not finish within {} of the run's end and is left behind: 1 row may be missing there"
    assert said == [f"logger=mine {what.format(waited)}; metrics.jsonl has them all."]
    listener.may_go_on.set()


def test_after_the_end_of_its_run_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threaded, "WAIT_S", 0)
    may_fail, has_failed = threading.Event(), threading.Event()

    class Late(Listener):
        def on_step(self, progress: Progress, row: Row) -> None:
            may_fail.wait(20)
            raise ValueError("too late")

    def told(error: Exception) -> str:
        has_failed.set()
        return str(error)

    said: list[str] = []
    tracker = ThreadedTracker("mine", Late, told)
    tracker.begin(ABOUT, said.append)
    tracker.on_step(Progress(), {"step": 0})
    tracker.on_end(COMPLETED)
    may_fail.set()
    assert has_failed.wait(20)
    assert tracker._ended.wait(20)
    assert [text for text in said if "too late" in text] == []


def test_a_refusal_is_raised_before_the_run_and_any_other_error_said() -> None:
    def refuse() -> Listener:
        raise ConfigError("no such column")

    def fail() -> Listener:
        raise ValueError("no such table")

    with pytest.raises(ConfigError, match="no such column"):
        ThreadedTracker("mine", refuse, str)
    said: list[str] = []
    tracker = tracker_of(fail, said)
    tracker.on_step(Progress(), {"step": 0})
    tracker.on_end(COMPLETED)
    assert said == ["logger=mine failed, and the run goes on without it: no such table."]


def test_no_listener_receives_nothing() -> None:
    said: list[str] = []
    tracker_of(lambda: None, said).on_end(COMPLETED)
    assert said == []


def test_a_plugin_that_raises_does_not_stop_a_run(dlrun: Dlrun, own_folder: Path) -> None:
    Path("mine.py").write_text(
        "from dlrun import Listener\n"
        "class _Log(Listener):\n"
        "    def on_epoch(self, progress, row):\n"
        "        raise KeyError('val/auc')\n"
        "def mine(run_dir, *, width: int = 3) -> Listener:\n"
        "    return _Log()\n"
    )
    words = (*SHORT, "--plugin", "mine.py", "logger=[mine]", "logger.mine.width=4", "hydra.run.dir=run")
    code, _, err = dlrun(*words)
    assert code == 0
    told = "failed in on_epoch, and the run goes on without it: KeyError: 'val/auc' (mine.py, line 4, `raise KeyError"
    for text in (err, Path("run/dlrun.log").read_text()):
        assert text.count("notice: logger=") == 1
        assert f"notice: logger=mine {told}" in text
