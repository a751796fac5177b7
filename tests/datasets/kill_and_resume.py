"""A run that is killed in the middle of an epoch and gone on with, held against one that was left alone."""

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

Dlrun = Callable[..., tuple[int, str, str]]
_LONG = 10**6  # epochs, so that a run never ends by itself before it is killed


def killed_resumed_and_whole(dlrun: Dlrun, *words: str, workers: int) -> tuple[Path, Path]:
    """Folders of the run that was killed and gone on with, and of the one that never was."""
    words = (*words, "device.threads=1", "--quiet")
    every = (f"trainer.workers={workers}", "checkpoint.every_steps=3", "trainer.eval_every=4")
    command = [sys.executable, "-m", "dlrun", *words, *every, f"trainer.epochs={_LONG}", "hydra.run.dir=killed"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _wait_for_steps(run, Path("killed/checkpoints"), 7)
    children = _descendants(run.pid)
    run.send_signal(signal.SIGKILL)
    run.wait(30)
    assert run.stderr is not None
    run.stderr.close()
    _wait_until_gone(children)
    steps = max(int(path.name.removeprefix("step-")) for path in Path("killed/checkpoints").glob("step-*")) + 5
    code, _, err = dlrun("resume", "killed", f"trainer.max_steps={steps}", "--quiet")
    assert code == 0, err
    code, _, err = dlrun(*words, *every, f"trainer.max_steps={steps}", "hydra.run.dir=whole")
    assert code == 0, err
    return Path("killed"), Path("whole")


def weights(folder: Path) -> bytes:
    """The bytes of a run's last weights."""
    last = (folder / "checkpoints" / "last").read_text().strip()
    return (folder / "checkpoints" / last / "model.safetensors").read_bytes()


def encoder_state(folder: Path) -> dict[str, Any]:
    """What the last checkpoint says of reading new rows."""
    last = (folder / "checkpoints" / "last").read_text().strip()
    state = json.loads((folder / "checkpoints" / last / "state.json").read_text())
    return dict(state["about"]["encoder"])


def _wait_for_steps(run: subprocess.Popen[bytes], checkpoints: Path, steps: int) -> None:
    for _ in range(1200):
        if any(int(path.name.removeprefix("step-")) >= steps for path in checkpoints.glob("step-*")):
            return
        assert run.poll() is None, run.stderr.read().decode() if run.stderr else ""
        time.sleep(0.05)
    raise AssertionError("the run came to no checkpoint within a minute")


def _descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:  # ended meanwhile
            continue
        parents[int(entry.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found = [child for child, parent in parents.items() if parent == pid]
    return found + [grandchild for child in found for grandchild, parent in parents.items() if parent == child]


def _wait_until_gone(pids: list[int]) -> None:
    """Fail when a process outlives its parent by more than ten seconds."""
    for _ in range(200):
        left = [pid for pid in pids if _is_running(pid)]
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(f"processes {left} outlived the run that was killed")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
