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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dlrun.cli.context import compose_run
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.source import Encoded
from dlrun.data.spec import Batch, DataSpec
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.tasks.task import SupervisedTask
from dlrun.training import state as train_state
from dlrun.training.build import build_task

Dlrun = Callable[..., tuple[int, str, str]]
ALWAYS = ("device.threads=1", "--quiet", "checkpoint.every_steps=5", "checkpoint.keep=50")
_KILLED_AFTER = 7  # steps: two checkpoints, and with most data the middle of an epoch


def weights(run: Path) -> bytes:
    """Of the last checkpoint, as they lie in its file."""
    last = (run / "checkpoints" / "last").read_text().strip()
    return (run / "checkpoints" / last / "model.safetensors").read_bytes()


def killed_and_gone_on_with(words: tuple[str, ...], dlrun: Dlrun, *, workers: int = 0) -> tuple[Path, dict[str, float]]:
    """Train twice: once unbroken, once killed by SIGKILL on the way and resumed; both must end alike.

    Nothing that the killed run started may outlive it.
    Returns the folder of the resumed run and the test metrics that `dlrun eval` finds.
    """
    words = (*words, *ALWAYS, f"trainer.workers={workers}")
    code, _, err = dlrun(*words, "hydra.run.dir=unbroken")
    assert code == 0, err
    killed = Path("killed").absolute()
    command = [sys.executable, "-m", "dlrun", *words, f"hydra.run.dir={killed}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        _wait_for_steps(run, killed / "checkpoints")
        children = _descendants(run.pid)
        run.send_signal(signal.SIGKILL)
        assert run.wait(30) == -signal.SIGKILL, "it was too short to be killed on the way"
    _wait_until_gone(children)
    code, _, err = dlrun("resume", str(killed), "--quiet")
    assert code == 0, err
    assert weights(killed) == weights(Path("unbroken"))
    code, out, err = dlrun("eval", str(killed), "--split", "test", "--json")
    assert code == 0, err
    metrics = dict(json.loads(out))
    result = json.loads((killed / "result.json").read_text())
    for name, value in metrics.items():
        assert value == result["metrics"][name]
    return killed, metrics


def restored(run: Path) -> tuple[SupervisedTask, Any]:
    """The best checkpoint's task and encoder, from the run and no data."""
    catalog = Catalog()
    snapshot = CheckpointStore(run / "checkpoints").load_best()
    about = snapshot.values["about"]
    task = build_task(compose_run(run, [], catalog).config, catalog, DataSpec.restored(about["spec"]))
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


def _wait_for_steps(run: subprocess.Popen[bytes], checkpoints: Path) -> None:
    for _ in range(12_000):
        if any(int(path.name.removeprefix("step-")) >= _KILLED_AFTER for path in checkpoints.glob("step-*")):
            return
        assert run.poll() is None, run.stderr.read().decode() if run.stderr else ""
        time.sleep(0.005)
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
