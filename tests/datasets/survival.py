"""One life of a run: trained, killed, gone on with, evaluated; for each kind of data."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from dlrun import train_state
from dlrun.checkpoint import CheckpointStore
from dlrun.cli.training import of_run
from dlrun.data.encoding import Encoded
from dlrun.data.spec import Batch, DataSpec
from dlrun.parts import build_task
from dlrun.registry import Catalog
from dlrun.task import SupervisedTask

Dlrun = Callable[..., tuple[int, str, str]]
ALWAYS = ("device.threads=1", "--quiet", "checkpoint.every_steps=5", "checkpoint.keep=50")


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Of the last checkpoint."""
    last = (run / "checkpoints" / "last").read_text().strip()
    return load_file(run / "checkpoints" / last / "model.safetensors")


def killed_and_gone_on_with(words: tuple[str, ...], dlrun: Dlrun) -> tuple[Path, Mapping[str, float]]:
    """Train twice: once unbroken, once killed by SIGKILL on the way and resumed; both must end alike.

    Returns the folder of the resumed run and the test metrics that `dlrun eval` finds.
    """
    code, _, err = dlrun(*words, *ALWAYS, "hydra.run.dir=unbroken")
    assert code == 0, err
    killed = Path("killed").absolute()
    command = [sys.executable, "-m", "dlrun", *words, *ALWAYS, f"hydra.run.dir={killed}"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (killed / "checkpoints" / "step-5").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was too short to be killed on the way"
    code, _, err = dlrun("resume", str(killed), "--quiet")
    assert code == 0, err
    ours, theirs = weights(killed), weights(Path("unbroken"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    code, out, err = dlrun("eval", str(killed), "--split", "test", "--json")
    assert code == 0, err
    metrics = json.loads(out)
    result = json.loads((killed / "result.json").read_text())
    for name, value in metrics.items():
        assert value == result["metrics"][name]
    return killed, metrics


def restored(run: Path) -> tuple[SupervisedTask, Any]:
    """The best checkpoint's task and encoder, from the run and no data."""
    catalog = Catalog()
    snapshot = CheckpointStore(run / "checkpoints").load_best()
    about = snapshot.values["about"]
    task = build_task(of_run(run, [], catalog).config, catalog, DataSpec.restored(about["spec"]))
    train_state.load_weights(task, snapshot)
    assert isinstance(task, SupervisedTask)
    module = sys.modules[catalog.load("dataset", about["dataset"]).__module__]
    return task.eval(), module.encoder(about["encoder"])


def predicted(dlrun: Dlrun, run: Path, new: Path) -> list[dict[str, str]]:
    """The rows that `dlrun predict` answers with, from the run and a file or folder of new rows."""
    code, out, err = dlrun("predict", str(run), str(new))
    assert code == 0, err
    return list(csv.DictReader(io.StringIO(out)))


def outputs(task: SupervisedTask, encoded: Encoded) -> torch.Tensor:
    """What a task makes of new rows, scaled as its training rows were."""
    inputs, scaling = encoded.inputs, task.spec.scaling
    if scaling is not None:
        inputs = (inputs - torch.tensor(scaling.mean)) / torch.tensor(scaling.std)
    with torch.inference_mode():
        return task(Batch(inputs, torch.zeros(len(inputs)), encoded.lengths))  # type: ignore[no-any-return]
