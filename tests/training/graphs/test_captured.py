"""dlrun.training.graphs.captured: a captured step gives the bytes of the eager one. Nearly all of it needs a GPU.

Nothing stands in for CUDA here: without a GPU, those tests are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dlrun.data.spec import Batch
from dlrun.tasks.task import SupervisedTask
from dlrun.training.graphs.captured import first_cause
from tests.harness import train, train_with_a_break, weights

needs_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU to capture on")
GPU = ("device=cuda", "device.deterministic=true")
SMALL = (
    "dataset=digits", "trainer.batch_size=64", "trainer.epochs=3", "trainer.log_every=5", "scheduler=cosine",
    "scheduler.warmup_steps=4", *GPU,
)  # fmt: skip
RUNS = {
    "mlp": ("model=mlp", "model.dropout=0.3", "optimizer=adamw", "trainer.clip_norm=1", "trainer.ema=0.9"),
    "cnn": ("model=cnn", "optimizer=sgd", "optimizer.momentum=0.9", "dataset.augment.shift=1"),
    "resnet": ("model=resnet", "optimizer=adam"),
    "bf16": ("model=mlp", "device.precision=bf16"),
    "fp16": ("model=mlp", "device.precision=fp16", "trainer.clip_norm=1"),
    "gan": ("model=gan", "scheduler.warmup_steps=0"),
    "lstm": ("model=rnn", "model.cell=lstm"),
}


def told(folder: Path, *words: str) -> list[str]:
    """Train, and return what the run told of graphs."""
    collector, _ = train(folder, *SMALL, *words)
    return [notice for notice in collector.notices if "graph" in notice]


@needs_a_gpu
@pytest.mark.parametrize("name", RUNS)
def test_a_captured_run_has_the_bytes_of_the_eager_one(tmp_path: Path, name: str) -> None:
    (notice,) = told(tmp_path / "captured", *RUNS[name], "device.graphs=on")
    assert notice.startswith("A step runs as one CUDA graph from now on: captured in ")
    assert "the same bytes as the eager step" in notice
    assert told(tmp_path / "eager", *RUNS[name], "device.graphs=off") == []
    assert weights(tmp_path / "captured") == weights(tmp_path / "eager")


@needs_a_gpu
def test_a_captured_run_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    train(tmp_path / "whole", *SMALL, *RUNS["mlp"], "device.graphs=on")
    train_with_a_break(tmp_path / "resumed", *SMALL, *RUNS["mlp"], "device.graphs=on", stop_after=30)
    assert weights(tmp_path / "resumed") == weights(tmp_path / "whole")


@needs_a_gpu
def test_a_step_that_waits_is_not_captured_and_the_run_goes_on(tmp_path: Path) -> None:
    words = ("dataset=text", "dataset.path=example:reviews.csv", "model=text", "dataset.limit=100")
    collector, result = train(tmp_path / "a", *words, "trainer.epochs=3", *GPU, "device.graphs=on")
    assert result["status"] == "completed"
    assert any("CUDA graphs are not used: " in notice for notice in collector.notices)


@needs_a_gpu
@pytest.mark.parametrize(
    ("wait", "why"),
    [
        (lambda loss: loss.item(), "a step cannot be captured (called a synchronizing CUDA operation"),
        (lambda loss: torch.cuda.synchronize(), "capturing the step failed ("),  # torch does not see it before
    ],
)
def test_a_step_that_cannot_be_captured_leaves_the_run_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: Callable[[Tensor], object], why: str
) -> None:
    training_loss = SupervisedTask.training_loss

    def waits(task: SupervisedTask, batch: Batch) -> Tensor:
        loss = training_loss(task, batch)
        wait(loss)
        return loss

    monkeypatch.setattr(SupervisedTask, "training_loss", waits)
    stream = torch.cuda.current_stream()
    (notice,) = told(tmp_path / "given up", *RUNS["mlp"], "device.graphs=on")
    assert notice.startswith(f"CUDA graphs are not used: {why}")
    assert torch.cuda.current_stream() == stream
    assert told(tmp_path / "eager", *RUNS["mlp"], "device.graphs=off") == []
    assert weights(tmp_path / "given up") == weights(tmp_path / "eager")


def test_the_error_that_came_first_is_told() -> None:
    error = RuntimeError("operation failed due to a previous error during capture")
    error.__context__ = RuntimeError("called a synchronizing CUDA operation.\nsecond line")
    assert first_cause(error) == "called a synchronizing CUDA operation"
    assert first_cause(RuntimeError()) == "RuntimeError"
