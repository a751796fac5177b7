"""dlrun on a GPU, as a command that trains: its speed, what it tells of CUDA graphs, and whether bytes repeat."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from benchmarks.gpu_workloads import GpuWorkload
from benchmarks.workload import LEARNING_RATE

_LOGS = 12  # rows of metrics.jsonl in a timed run; the time before the third one is not counted
_FIRST_COUNTED = 2
_BYTE_STEPS = 48


@dataclass(frozen=True)
class Trained:
    """A run that ended. log: the lines of dlrun.log that tell of graphs."""

    folder: Path
    told: Sequence[str]

    @property
    def weights(self) -> Path:
        """The file of weights after the last step."""
        (found,) = sorted(self.folder.glob("checkpoints/step-*/model.safetensors"), key=_step_of)[-1:]
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of metrics.jsonl that training wrote."""
        rows = [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]
        return [row for row in rows if "lr" in row]

    def seconds_per_step(self) -> float:
        """Return the time between the third row and the last one, by step."""
        rows = self.rows()
        first, last = rows[_FIRST_COUNTED], rows[-1]
        return float((last["seconds"] - first["seconds"]) / (last["step"] - first["step"]))


def _step_of(path: Path) -> int:
    return int(path.parent.name.removeprefix("step-"))


def train(workload: GpuWorkload, folder: Path, *, name: str, batch_size: int, words: Sequence[str]) -> Trained:
    """Train in a folder of that name; `resume` as its last word continues a run there.

    Raises SystemExit with what dlrun printed if it fails.
    """
    from dlrun.cli.main import main

    os.environ.setdefault("CI", "1")
    run = folder / name
    common = (
        f"trainer.batch_size={batch_size}",
        f"optimizer.lr={LEARNING_RATE}",
        "optimizer=adam",
        "trainer.epochs=null",
    )
    given = (*workload.write(folder, batch_size), *common, f"hydra.run.dir={run}", "checkpoint.every_epochs=0", *words)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = main([*given, "--quiet"])
    if code:
        raise SystemExit(f"dlrun {' '.join(given)} ended with {code}:\n{output.getvalue()[-2000:]}")
    lines = (run / "dlrun.log").read_text(encoding="utf-8").splitlines()
    return Trained(run, [line.removeprefix("notice: ") for line in lines if "graph" in line])


def speed(
    workload: GpuWorkload, folder: Path, *, device: str, precision: str, batch_size: int, steps: int, graphs: str
) -> Trained:
    """Train so many steps, at least 48, to be timed."""
    steps = max(4 * _LOGS, steps)
    settings = (f"device={device}", f"device.precision={precision}", f"device.graphs={graphs}")
    name = f"{workload.name}-{precision}-{graphs}"
    shutil.rmtree(folder / name, ignore_errors=True)
    every = (f"trainer.max_steps={steps}", f"trainer.log_every={steps // _LOGS}")
    return train(workload, folder, name=name, batch_size=batch_size, words=(*settings, *every))


def bytes_found(
    workload: GpuWorkload, folder: Path, *, device: str, precision: str, batch_size: int, graphs: str
) -> Mapping[str, str]:
    """Train the same a second time, and interrupted in the middle; return how the weights differ, in words."""
    found = {}
    for deterministic in (True, False):
        settings = (
            f"device={device}", f"device.precision={precision}", f"device.graphs={graphs}",
            f"device.deterministic={str(deterministic).lower()}",
        )  # fmt: skip
        name = f"{workload.name}-{precision}-bytes-{deterministic}"
        whole = (*settings, f"trainer.max_steps={_BYTE_STEPS}")
        first = train(workload, folder, name=f"{name}-1", batch_size=batch_size, words=whole)
        second = train(workload, folder, name=f"{name}-2", batch_size=batch_size, words=whole)
        kind = "deterministic" if deterministic else "as it is"
        found[f"twice, {kind}"] = difference(first.weights, second.weights)
        if deterministic:
            half = (*settings, f"trainer.max_steps={_BYTE_STEPS // 2}")
            train(workload, folder, name=f"{name}-3", batch_size=batch_size, words=half)
            resumed = train(workload, folder, name=f"{name}-3", batch_size=batch_size, words=(*whole, "resume=must"))
            found["resumed"] = difference(first.weights, resumed.weights)
    return found


def difference(first: Path, second: Path) -> str:
    """Return `same bytes`, or the largest difference of a weight."""
    if first.read_bytes() == second.read_bytes():
        return "same bytes"
    ours, theirs = load_file(first), load_file(second)
    return f"{max(_largest(ours[name], theirs[name]) for name in ours):.1e} apart"


def _largest(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.double() - other.double()).abs().max()) if one.numel() else 0.0
