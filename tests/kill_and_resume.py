"""The proof that each kind of data gets: a run is killed, resumed, evaluated and asked to predict new rows."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dlrun.cli.main import main
from dlrun.cli.saved_run import compose_run
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.source import Encoded
from dlrun.data.spec import Batch, DataSpec
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.tasks.task import SupervisedTask
from dlrun.training import state as train_state
from dlrun.training.build import build_task
from tests.cradle import cradle
from tests.processes import describe, started_with, wait_until_none

ALWAYS = (
    "device=cpu", "device.threads=1", "trainer.log_every=1", "checkpoint.every_steps=2", "checkpoint.keep=50",
    "--quiet",
)  # fmt: skip
KILLED = """
import os, signal, sys
from dlrun.cli.main import main
from dlrun.storage import disk as system

class Killing(system.Disk):
    def rename(self, before, after):
        super().rename(before, after)
        if after.name == "step-6":
            os.kill(os.getpid(), signal.SIGKILL)

system.disk = Killing()
sys.exit(main(sys.argv[1:]))
"""
"""A run that is killed by SIGKILL when its third checkpoint has its name, and `last` still names the second."""


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


def command(*words: str, folder: Path) -> Done:
    """Run a dlrun command line in this process, with `folder` as the current folder."""
    out, err = io.StringIO(), io.StringIO()
    with _current(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(words))
    return Done(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _current(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def kill_and_resume(words: Sequence[str], *, folder: Path, workers: int = 0) -> tuple[Path, dict[str, float]]:
    """Train twice, once without a break, once killed by SIGKILL and resumed; fail unless both end with equal weights.

    Fails too if a process that the killed run started outlives it.
    Returns the folder of the resumed run, folder/killed, and its test metrics according to `dlrun eval`.
    """
    words = [*words, *ALWAYS, f"trainer.workers={workers}"]
    whole = command(*words, "hydra.run.dir=whole", folder=folder)
    assert whole.returncode == 0, whole.stderr
    killed, mark = folder.absolute() / "killed", f"KILLED_RUN={folder.absolute()}"
    name, _, value = mark.partition("=")
    with _current(folder), pytest.MonkeyPatch.context() as patch, tempfile.TemporaryFile() as output:
        patch.setenv(name, value)
        code = cradle().start(KILLED, [*words, "hydra.run.dir=killed"], output=output.fileno()).wait()
        output.seek(0)
        assert code == -signal.SIGKILL, f"the run was not killed: {output.read().decode()}"
    orphans = wait_until_none(lambda: started_with(mark), patience_s=10)
    assert [describe(pid) for pid in orphans] == []
    resumed = command("resume", "killed", "--quiet", folder=folder)
    assert resumed.returncode == 0, resumed.stderr
    assert weights(killed) == weights(folder / "whole")
    evaluated = command("eval", "killed", "--split", "test", "--json", folder=folder)
    assert evaluated.returncode == 0, evaluated.stderr
    metrics = dict(json.loads(evaluated.stdout))
    result = json.loads((killed / "result.json").read_text())
    assert metrics == {name: result["metrics"][name] for name in metrics}
    return killed, metrics


def weights(run: Path) -> bytes:
    """Return the file of the last checkpoint's weights."""
    last = (run / "checkpoints" / "last").read_text().strip()
    return (run / "checkpoints" / last / "model.safetensors").read_bytes()


def predictions(run: Path, source: Path | str, *words: str, folder: Path) -> list[dict[str, str]]:
    """Return the rows that `dlrun predict` writes for a file or folder of new rows, run in another folder."""
    done = command("predict", str(run), str(source), *words, folder=folder)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def restored(run: Path) -> tuple[SupervisedTask, Any]:
    """Return task and encoder of the best checkpoint, from the run's folder alone."""
    catalog = Catalog()
    snapshot = CheckpointStore(run / "checkpoints").load_best()
    metadata = snapshot.values["about"]
    task = build_task(compose_run(run, [], catalog).config, catalog, DataSpec.restored(metadata["spec"]))
    train_state.load_weights(task, snapshot)
    assert isinstance(task, SupervisedTask)
    module = sys.modules[catalog.load("dataset", metadata["dataset"]).__module__]
    return task.eval(), module.encoder(metadata["encoder"])


def outputs(task: SupervisedTask, encoded: Encoded) -> Tensor:
    """Return a task's outputs for new rows, scaled as its training rows were."""
    inputs, scaling = encoded.inputs, task.spec.scaling
    if scaling is not None:
        inputs = (inputs - torch.tensor(scaling.mean)) / torch.tensor(scaling.std)
    with torch.inference_mode():
        return task(Batch(inputs, torch.zeros(len(inputs)), encoded.lengths))  # type: ignore[no-any-return]
