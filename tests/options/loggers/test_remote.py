"""dlrun.options.loggers._remote: whatever a tracker does in its process, the run goes on as without it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.options.loggers import _remote
from dlrun.options.loggers._remote import START, RemoteTracker
from dlrun.options.loggers._tracker import About, Tracker
from dlrun.tasks.progress import Progress
from tests.conftest import SHORT
from tests.options.loggers.fakes import install

Dlrun = Callable[..., tuple[int, str, str]]
SETTINGS = {"project": "p", "entity": None, "mode": "offline"}
COMPLETED = {"status": "completed", "metrics": {"test/accuracy": 0.5}, "best": {"step": 3}, "steps": 3}


@pytest.fixture(autouse=True)
def no_process_stays(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Tracker, "_overdue", set())
    yield
    _remote._close_all()


def begun(folder: Path, said: list[str], *, wait_s: float = 20) -> RemoteTracker:
    folder.mkdir(parents=True, exist_ok=True)
    tracker = RemoteTracker(folder, "wandb", SETTINGS, wait_s=wait_s)
    tracker.begin(About({"seed": 0}, "seed: 0\n", None), said.append)
    return tracker


def read(told: Path) -> list[list[Any]]:
    return [json.loads(line) for line in told.read_text().splitlines()]


def wait_for(what: Callable[[], bool], *, patience_s: float = 20) -> None:
    until = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_there(pid: int) -> bool:
    """Whether a process, not of ours, is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_events_arrive_in_order_and_runs_share_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = install("obeys", tmp_path, monkeypatch)
    said: list[str] = []
    for name in ("a", "b"):
        tracker = begun(tmp_path / name, said)
        tracker.on_step(Progress(), {"step": 2, "epoch": 0.5, "seconds": 1.0, "train/loss": 0.25})
        tracker.on_epoch(Progress(), {"step": 3, "epoch": 1, "seconds": 1.5, "val/loss": float("nan")})
        tracker.on_end(COMPLETED)
    rows = read(told)
    assert [row[1:3] for row in rows if row[1] != "init"] == 2 * [["log", 2], ["log", 3], ["finish", 0]]
    assert rows[3][3] == {"status": "completed", "final/test/accuracy": 0.5}
    (pid,) = {row[0] for row in rows}
    assert os.getsid(pid) == pid != os.getsid(0)  # where a Ctrl-C of the terminal does not reach
    assert said == []
    _remote._close_all()
    assert not is_there(pid)


def test_another_environment_gets_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = install("obeys", tmp_path, monkeypatch)
    for name in ("a", "b"):
        monkeypatch.setenv("WANDB_BASE_URL", name)
        begun(tmp_path / name, []).on_end(COMPLETED)
    first, second = dict.fromkeys(row[0] for row in read(told))
    assert not is_there(first)
    assert is_there(second)


def test_what_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = install("recovers", tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    tracker = begun(tmp_path / "run", said)
    tracker.on_step(Progress(), {"step": 1, "epoch": 0.5, "seconds": 1.0, "train/loss": 0.25})
    wait_for(lambda: bool(said))
    wait_for(lambda: len(read(told)) == 3)  # init, log, log
    tracker.on_end(COMPLETED)
    assert said == ["logger=wandb failed: ConnectionError: a moment. The run goes on, and it is tried again."]
    assert [row[1] for row in read(told)] == ["init", "log", "log", "finish"]


@pytest.mark.parametrize(
    ("behaviour", "notices"),
    [
        (
            "hangs",
            [
                "did not finish within 1.0 s of the run's end and is left behind: "
                "10 rows may be missing there; metrics.jsonl has them all."
            ],
        ),
        (
            "fails",
            [
                "failed: ConnectionError: no route to the server. The run goes on, and it is tried again.",
                "did not take everything: ConnectionError: no route to the server. "
                "10 rows may be missing there; metrics.jsonl has them all.",
            ],
        ),
        (
            "dies",
            ["failed, and the run goes on without it: its process ended (exit code 3): bad allocation."],
        ),
    ],
)
def test_a_bad_tracker_changes_nothing_and_is_said_once(
    dlrun: Dlrun,
    own_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: str,
    notices: list[str],
) -> None:
    words = (*SHORT, "trainer.log_every=1")
    assert dlrun(*words, "hydra.run.dir=without")[0] == 0
    told = install(behaviour, tmp_path, monkeypatch)
    wait = () if behaviour == "fails" else ("logger.wait_s=1",) if behaviour == "hangs" else ()
    code, _, err = dlrun(*words, "logger=wandb", *wait, "hydra.run.dir=with")
    assert code == 0
    shown = [f"notice: logger=wandb {notice}" for notice in notices]
    for text in (err, Path("with/dlrun.log").read_text()):
        found = [line for line in text.splitlines() if line.startswith("notice: logger=")]
        # an error of the last rows is known only at the end, and then there is one line
        assert found in (shown, shown[-1:])
    assert not is_there(read(told)[0][0]) or behaviour == "fails"
    rows = [
        [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]
        for lines in (Path(run, "metrics.jsonl").read_text().splitlines() for run in ("without", "with"))
    ]
    assert rows[0] == rows[1]
    weights = [
        Path(run, "checkpoints", Path(run, "checkpoints", "last").read_text().strip(), "model.safetensors").read_bytes()
        for run in ("without", "with")
    ]
    assert weights[0] == weights[1]


def test_a_run_that_was_left_behind_makes_the_next_wait_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("hangs", tmp_path, monkeypatch)
    monkeypatch.setattr("dlrun.options.loggers._tracker.OVERDUE_WAIT_S", 0.1)
    said: list[str] = []
    trackers = [begun(tmp_path / name, said, wait_s=1.5) for name in "ab"]
    for tracker in trackers:
        tracker.on_step(Progress(), {"step": 1, "epoch": 0.5, "seconds": 1.0})
    trackers[0].on_end(COMPLETED)
    time.sleep(0.2)  # the other is told by the reading thread
    trackers.append(begun(tmp_path / "c", said, wait_s=1.5))
    trackers[2].on_step(Progress(), {"step": 1, "epoch": 0.5, "seconds": 1.0})
    trackers[2].on_end(COMPLETED)
    trackers[1].on_end(COMPLETED)
    end = "of the run's end and is left behind"
    assert [text.partition(end)[0].removeprefix("logger=wandb ") for text in said] == [
        "did not finish within 1.5 s ",
        "failed, and the run goes on without it: another run waited for it in vain, and it was stopped.",
        "did not finish within 0.1 s ",
    ]


@pytest.mark.parametrize("behaviour", ["obeys", "hangs"])
def test_it_ends_soon_after_a_process_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    told = install(behaviour, tmp_path, monkeypatch)
    (tmp_path / "run").mkdir()
    about = {"settings": SETTINGS, "config": {}, "config_text": "", "resumed_from": None}
    row = {"step": 1, "epoch": 0.5, "seconds": 1.0}
    messages = [
        {"run": str(tmp_path / "run"), "event": event, "content": content}
        for event, content in (("start", about), ("on_step", row))
    ]
    program = """if True:
        import subprocess, sys, time
        worker = subprocess.Popen([sys.executable, "-c", *sys.argv[1:4]], stdin=subprocess.PIPE, start_new_session=True)
        worker.stdin.write(sys.argv[4].encode())
        worker.stdin.flush()
        time.sleep(100)
    """
    lines = "".join(f"{json.dumps(message)}\n" for message in messages)
    process = subprocess.Popen([sys.executable, "-c", program, START, json.dumps(sys.path), "wandb", lines])
    wait_for(lambda: told.exists() and len(read(told)) == 2)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    pid = read(told)[0][0]
    wait_for(lambda: not is_there(pid))
    finished = [row[2:] for row in read(told) if row[1] == "finish"]
    assert finished == ([[1, {"status": "killed"}]] if behaviour == "obeys" else [])


def test_a_process_that_cannot_be_started_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: object, **settings: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("dlrun.options.loggers._remote.subprocess.Popen", refuse)
    said: list[str] = []
    tracker = begun(tmp_path / "run", said)
    tracker.on_step(Progress(), {"step": 1, "epoch": 0.5, "seconds": 1.0})
    tracker.on_end(COMPLETED)
    what = "its process cannot be started (Resource temporarily unavailable)"
    assert said == [f"logger=wandb failed, and the run goes on without it: {what}."]
