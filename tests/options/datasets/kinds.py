"""Trained, killed, resumed, evaluated and predicted, for each kind of data, in processes of their own."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

PACKAGE = Path(__file__).parents[3]


def command(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run dlrun in a process and folder of its own."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "dlrun", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def train_kill_resume_evaluate(words: Sequence[str], folder: Path) -> None:
    """Kill a run once it has a checkpoint, resume it: it ends with the weights of one that was never killed."""
    words = [*words, "device=cpu", "device.threads=1", "trainer.log_every=1", "checkpoint.every_steps=2"]
    whole = command(*words, "hydra.run.dir=whole", folder=folder)
    assert whole.returncode == 0, whole.stderr
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "dlrun", *words, "hydra.run.dir=killed", "-q"],
        cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        deadline = time.monotonic() + 60
        while not (folder / "killed" / "checkpoints" / "last").exists():
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
    resumed = command("resume", "killed", folder=folder)
    assert resumed.returncode == 0, resumed.stderr
    whole_weights, resumed_weights = (last_weights(folder / name) for name in ("whole", "killed"))
    assert all(resumed_weights[name].equal(tensor) for name, tensor in whole_weights.items())
    evaluated = command("eval", "killed", folder=folder)
    assert evaluated.returncode == 0, evaluated.stderr


def last_weights(run: Path) -> dict[str, Tensor]:
    """The weights of a run's newest checkpoint."""
    last = (run / "checkpoints" / "last").read_text().strip()
    return dict(load_file(run / "checkpoints" / last / "model.safetensors"))


def predictions(run: Path, source: str, *words: str, folder: Path) -> list[dict[str, str]]:
    """What `dlrun predict` writes for a file, called in another folder than the one of training."""
    done = command("predict", str(run), source, "-o", "out.csv", *words, folder=folder)
    assert done.returncode == 0, done.stderr
    with (folder / "out.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))
