"""dlrun.storage.background: writing beside the loop, one write at a time, of a copy; and leaving while it writes."""

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


class HeldDisk(Disk):
    """Lets nothing be written from one moment until another."""

    def __init__(self) -> None:
        self.may_write = threading.Event()
        self.may_write.set()
        self.waits = threading.Event()

    def write(self, handle: int, content: memoryview) -> int:
        if threading.current_thread().name == "dlrun-save" and not self.may_write.is_set():
            self.waits.set()
            if not self.may_write.wait(20):
                raise TimeoutError("nobody let it write")
        return super().write(handle, content)


def test_training_goes_on_while_a_checkpoint_is_written_and_what_is_written_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a disk that takes nothing until three more steps are done: a loop that waited would never do them."""
    train(tmp_path / "free", *WORDS, "checkpoint.every_steps=4")
    disk = HeldDisk()
    monkeypatch.setattr(system, "disk", disk)

    class Hold(Listener):
        def on_step(self, progress: Progress, row: Row) -> None:
            if progress.step == 4:
                disk.may_write.clear()  # the save after this step has to wait
            elif progress.step == 7:
                assert disk.waits.wait(20)
                disk.may_write.set()

    claimed = run_dir.claim(tmp_path / "held", asked=True, resume="never")
    with StopRequest() as stop:
        words = (*WORDS, "checkpoint.every_steps=4")
        run.train(configure(*words), Catalog(), claimed, stop=stop, watch=lambda session: [Hold()])
    claimed.release()
    for name in ("model", "optimizer"):
        kept = [tmp_path / way / "checkpoints" / "step-4" / f"{name}.safetensors" for way in ("free", "held")]
        assert kept[0].read_bytes() == kept[1].read_bytes()


def test_there_is_at_most_one_write_in_flight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    """Starts a run whose third checkpoint takes some seconds at each file, and waits until it is being written."""

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


def _goes_on(folder: Path, *, at_least: int) -> None:
    """The newest checkpoint is whole, and a run that goes on with it ends as one that never stopped."""
    newest, complaints = CheckpointStore(folder / "a" / "checkpoints").load_newest()
    assert newest is not None
    assert complaints == []
    assert newest.step >= at_least
    steps = newest.step + 2
    words = (*WORDS, "trainer.epochs=100000", f"trainer.max_steps={steps}")
    train(folder / "a", *words, resume="auto")
    train(folder / "whole", *words)
    files = [folder / way / "checkpoints" / f"step-{steps}" / "model.safetensors" for way in ("a", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert rows_without_seconds(folder / "a") == rows_without_seconds(folder / "whole")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_a_checkpoint_is_written_lets_it_be_written(
    own_folder: Path, slow_run: Callable[[float], subprocess.Popen[str]], number: int, code: int
) -> None:
    process = slow_run(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "everything is saved" in err
    assert list((own_folder / "a" / "checkpoints").glob(".*")) == []
    _goes_on(own_folder, at_least=3)


def test_a_second_ctrl_c_leaves_at_once_and_harms_nothing_on_the_disk(
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
    assert time.monotonic() - asked < 10  # the write at hand would have taken minutes
    assert process.returncode == 130
    assert "stopped at once; the last checkpoint is intact" in err
    _goes_on(own_folder, at_least=2)
    assert list((own_folder / "a" / "checkpoints").glob(".*")) == []  # what was half written is cleared away
