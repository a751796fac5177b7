"""dlrun.storage.background: one write at a time, of a copy, during training; and signals during a write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs import run
from dlrun.storage import disk as system
from dlrun.storage import run_dir
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.storage.disk import Disk
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.training.signals import StopRequest
from tests.harness import SMALL, configure, rows_without_seconds, train

WORDS = (*SMALL, "trainer.epochs=3", "checkpoint.keep=99", "checkpoint.every_steps=1", "trainer.eval_every=0")


class BlockingDisk(Disk):
    """Blocks the writes of checkpoints while `may_write` is not set."""

    def __init__(self) -> None:
        self.may_write = threading.Event()
        self.may_write.set()
        self.is_blocked = threading.Event()

    def write(self, handle: int, content: memoryview) -> int:
        if threading.current_thread().name == "dlrun-save" and not self.may_write.is_set():
            self.is_blocked.set()
            if not self.may_write.wait(20):
                raise TimeoutError("the write was blocked for 20 s")
        return super().write(handle, content)


def test_training_continues_while_a_copy_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk blocks until three more steps are done: a loop that waited for it would never take them."""
    train(tmp_path / "free", *WORDS, "checkpoint.every_steps=4")
    disk = BlockingDisk()
    monkeypatch.setattr(system, "disk", disk)

    class Block(Listener):
        def on_step(self, progress: Progress, row: Row) -> None:
            if progress.step == 4:
                disk.may_write.clear()  # the save after this step has to wait
            elif progress.step == 7:
                assert disk.is_blocked.wait(20)
                disk.may_write.set()

    claimed = run_dir.claim(tmp_path / "blocked", asked=True, resume="never")
    with StopRequest() as stop:
        words = (*WORDS, "checkpoint.every_steps=4")
        run.train(configure(*words), Catalog(), claimed, stop=stop, make_listeners=lambda session: [Block()])
    claimed.release()
    for name in ("model", "optimizer"):
        files = [tmp_path / way / "checkpoints" / "step-4" / f"{name}.safetensors" for way in ("free", "blocked")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_at_most_one_checkpoint_is_written_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Watching(Disk):
        most = 0

        def write(self, handle: int, content: memoryview) -> int:
            self.most = max(self.most, sum(each.name == "dlrun-save" for each in threading.enumerate()))
            return super().write(handle, content)

    disk = Watching()
    monkeypatch.setattr(system, "disk", disk)
    train(tmp_path / "a", *WORDS)
    assert disk.most == 1
    assert CheckpointStore(tmp_path / "a" / "checkpoints").steps() == list(range(1, 13))


SLOW = """
import os, sys, time
from dlrun.storage import disk as system
from dlrun.cli.main import main

class Slow(system.Disk):
    def sync(self, handle):
        if "step-3" in os.readlink(f"/proc/self/fd/{handle}"):
            print("writing", flush=True)
            time.sleep(float(os.environ["SLOW"]))
        super().sync(handle)

system.disk = Slow()
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def slow_run(own_folder: Path) -> Callable[[float], subprocess.Popen[str]]:
    """Return a function that starts a run whose third checkpoint is slow to write, and waits for that write."""

    def start(seconds: float) -> subprocess.Popen[str]:
        (own_folder / "slow.py").write_text(SLOW)
        process = subprocess.Popen(
            [sys.executable, "slow.py", *WORDS, "trainer.epochs=100000", "hydra.run.dir=a", "--quiet"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SLOW": str(seconds), "PYTHONPATH": str(Path(run.__file__).parents[2])},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        return process

    return start


def _check_resumes(folder: Path, *, at_least: int) -> None:
    """Check that the newest checkpoint is whole, and that resuming gives the result of a run without a break."""
    newest, errors = CheckpointStore(folder / "a" / "checkpoints").load_newest()
    assert newest is not None
    assert errors == []
    assert newest.step >= at_least
    steps = newest.step + 2
    words = (*WORDS, "trainer.epochs=100000", f"trainer.max_steps={steps}")
    train(folder / "a", *words, resume="auto")
    train(folder / "whole", *words)
    files = [folder / way / "checkpoints" / f"step-{steps}" / "model.safetensors" for way in ("a", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert rows_without_seconds(folder / "a") == rows_without_seconds(folder / "whole")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_a_write_waits_for_the_write(
    own_folder: Path, slow_run: Callable[[float], subprocess.Popen[str]], number: int, code: int
) -> None:
    process = slow_run(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "everything is saved" in err
    assert list((own_folder / "a" / "checkpoints").glob(".*")) == []
    _check_resumes(own_folder, at_least=3)


def test_a_second_ctrl_c_exits_at_once_and_the_last_checkpoint_is_whole(
    own_folder: Path, slow_run: Callable[[float], subprocess.Popen[str]]
) -> None:
    process = slow_run(60)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "press Ctrl-C again to exit at once" not in process.stderr.readline():
        assert process.poll() is None
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - asked < 10  # the write would have taken minutes
    assert process.returncode == 130
    assert "stopped at once; the last checkpoint is intact" in err
    _check_resumes(own_folder, at_least=2)
    assert list((own_folder / "a" / "checkpoints").glob(".*")) == []  # the partly written one was removed
