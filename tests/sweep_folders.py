"""Folders of sweeps as they are on the disk, made without training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CONFIG = """\
dataset: {name: iris, limit: null}
model: {name: mlp, hidden: [64]}
optimizer: {name: adam, lr: 0.01}
trainer: {name: default, epochs: 7}
seed: 0
"""
RESULT = {
    "status": "completed",
    "metrics": {"val/accuracy": 0.5, "test/accuracy": 0.25},
    "best": {"metric": "val/accuracy", "value": 0.5, "epoch": 2, "step": 8, "higher_is_better": True},
    "auto": {},
    "dataset": {"name": "iris", "fingerprint": "abc", "sizes": {"train": 108, "val": 12}},
    "environment": {"torch": "2.13.0", "device": "cpu", "packages": {"numpy": "2.4"}},
}


def row(number: int, *overrides: str, accuracy: float | None = 0.5, **more: Any) -> dict[str, Any]:
    """Return a row of sweep.jsonl; without an accuracy, one of a point that diverged."""
    metrics = {} if accuracy is None else {"val/accuracy": accuracy, "test/accuracy": accuracy / 2}
    best = {"metric": "val/accuracy", "value": accuracy, "epoch": 1, "step": 4, "higher_is_better": True}
    return {
        "point": number,
        "overrides": list(overrides),
        "status": "diverged" if accuracy is None else "completed",
        "metrics": metrics,
        "best": None if accuracy is None else best,
        "seconds": 1.0 + number,
        "run_dir": f"/elsewhere/{number}",
        "error": "the loss is nan at step 3" if accuracy is None else None,
        "exit_code": 4 if accuracy is None else 0,
        "device": "cpu",
        "reused": None,
        "parameters": 100 * (1 + number),
        **more,
    }


def write_sweep(folder: Path, rows: Sequence[Mapping[str, Any]], *, evaluations: int = 3) -> Path:
    """Write a sweep with a run for each row: its configuration, result and metrics."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sweep.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    for each in rows:
        write_run(folder / str(each["point"]), evaluations=evaluations, gain=0.01 * each["point"])
    return folder


def write_run(run: Path, *, evaluations: int = 3, gain: float = 0.0) -> Path:
    """Write a run whose accuracy grows by 0.1 and `gain` with each evaluation."""
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.yaml").write_text(CONFIG)
    (run / "result.json").write_text(json.dumps(RESULT))
    lines = [
        {"step": 4 * n, "epoch": n, "seconds": n / 10, "lr": 0.1, "train/loss": 1 / n, "val/accuracy": (0.1 + gain) * n}
        for n in range(1, evaluations + 1)
    ]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return run
