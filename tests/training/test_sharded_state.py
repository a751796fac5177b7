"""Whole runs of two processes that have a part of the model each, against those that have all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from dlrun.storage.checkpoints import CheckpointStore
from tests.together import run_together

COMMON = ["device.name=cpu", "device.threads=1", "dataset.baselines=false", "trainer.epochs=1", "dataset.limit=200"]
MODELS = {
    "cnn": ["dataset=digits", "model=cnn", "model.norm=layer", "model.dropout=0", "trainer.clip_norm=0.1"],
    "transformer": ["recipe=transformer_reviews", "model.width=8", "model.dropout=0", "trainer.accumulate=2"],
    "gan": ["dataset=digits", "model=gan"],
}
MLP = ["dataset=digits", "model=mlp", "model.dropout=0", "optimizer=adamw", "trainer.ema=0.9", "trainer.batch_size=20"]
BIG = ["dataset=digits", "model=mlp", "model.hidden=[2000,500]"]  # 1.1 million weights
FREE = 80 << 20  # for two processes: each has less than the 4.6 MB x 11 that a whole model needs


def run(folder: Path, *arguments: str, strategy: str = "fsdp", steps: int = 6) -> dict[str, Any]:
    common = [*COMMON, f"device.strategy={strategy}", f"trainer.max_steps={steps}", f"hydra.run.dir={folder}"]
    return {"run": [*arguments, *common]}


def resume(folder: Path, strategy: str) -> dict[str, Any]:
    return {"run": ["resume", str(folder), "trainer.max_steps=8", f"device.strategy={strategy}"]}


def newest(folder: Path) -> Path:
    store = CheckpointStore(folder / "checkpoints")
    return store.path(store.steps()[-1])


def differ(first: Path, second: Path) -> float:
    """The largest difference of two runs' weights and states of the optimizer."""
    largest = 0.0
    for name in ("model", "optimizer"):
        one, other = (load_file(newest(folder) / f"{name}.safetensors") for folder in (first, second))
        assert one.keys() == other.keys()
        largest = max(largest, *(float((one[key] - other[key]).abs().max()) for key in one))
    return largest


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[dict[str, Any]]]]:
    """The folder of all runs of two processes, and what their processes said."""
    root = tmp_path_factory.mktemp("together")
    damaged = root / "damaged"
    steps = [
        run(root / "unbroken", *MLP, steps=8),
        run(root / "resumed", *MLP, steps=5),
        {"copy": [str(root / "resumed"), str(root / "to_ddp")]},
        {"copy": [str(root / "resumed"), str(root / "to_alone")]},
        {"copy": [str(root / "unbroken"), str(damaged)]},
        resume(root / "resumed", "fsdp"),
        resume(root / "to_ddp", "ddp"),
        run(root / "from_ddp", *MLP, strategy="ddp", steps=5),
        resume(root / "from_ddp", "fsdp"),
        *(
            run(root / f"{name}_{each}", *model, strategy=each)
            for name, model in MODELS.items()
            for each in ("fsdp", "ddp")
        ),
        run(root / "muon", "dataset=digits", "model=mlp", "optimizer=muon"),
        run(root / "diverged", "dataset=diabetes", "model=linear", "optimizer=sgd", "optimizer.lr=1000", steps=99),
        {**run(root / "auto", *BIG, strategy="auto", steps=1), "free": FREE},
    ]
    return root, run_together(steps, root)
