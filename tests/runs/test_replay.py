"""dlrun.runs.replay: the step at which a training diverged, repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from dlrun.data.spec import Batch
from dlrun.storage.checkpoint_format import load_snapshot
from dlrun.training.divergence import _tensors, batches_of
from tests.harness import CPU

Dlrun = Callable[..., tuple[int, str, str]]

BAD = """
import torch
from torch import nn

class Bad(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, flag):
        ctx.flag = flag
        return h.clone()
    @staticmethod
    def backward(ctx, gradient):
        return gradient * float("nan") if ctx.flag else gradient, None

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.calls = nn.Linear(4, 5), nn.Linear(5, 3), 0
        self.register_buffer("steps", torch.zeros(()))
    def forward(self, x):
        if self.training:
            self.steps += 1
        return self.second(Bad.apply(self.first(x), self.training and self.steps.item() == 6))

def bad(spec):
    '''Its sixth gradient is not a number.'''
    return Net()
"""


def test_a_gradient_that_is_not_finite_names_step_and_layer_and_can_be_replayed(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "bad.py").write_text(BAD)
    words = (
        "--plugin",
        "bad.py",
        "model=bad",
        "dataset=iris",
        "trainer.epochs=3",
        "trainer.batch_size=32",
        *CPU,
        "hydra.run.dir=a",
    )
    code, _, err = dlrun(*words, "--quiet")
    assert code == 4
    assert "The gradient is no longer a finite number at step 6." in err
    assert "It first happened in the gradient of bias in model.first (Linear)." in err
    assert "The checkpoint of step 4 is intact" in err
    repro = load_snapshot(own_folder / "a" / "repro")
    assert repro.step == 5
    assert set(repro.tensors["batch"]) == {"0.inputs", "0.targets"}
    assert all(torch.isfinite(tensor).all() for tensor in repro.tensors["model"].values())
    assert load_snapshot(own_folder / "a" / "checkpoints" / "step-4").step == 4
    for name in ("repro", "capsule"):  # the folder of earlier versions
        (own_folder / "a" / "repro").rename(own_folder / "a" / name)
        code, _, again = dlrun("replay", "a", "--plugin", "bad.py")
        assert code == 4
        assert "The gradient is no longer a finite number at step 6" in again


def test_replay_needs_a_diverged_run(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    short_run("a")
    code, _, err = dlrun("replay", "a")
    assert code == 2
    assert "This run has no step to replay: only a run that diverged writes one, to repro/." in err


def test_saved_batches_keep_lengths_and_weights() -> None:
    ones = torch.ones(2)
    batches = [Batch(ones, ones, weights=2 * ones), Batch(ones, ones, lengths=torch.tensor([1, 1]))]
    for ours, theirs in zip(batches_of(_tensors(batches), torch.device("cpu")), batches, strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            assert (mine is None and other is None) or torch.equal(mine, other)
