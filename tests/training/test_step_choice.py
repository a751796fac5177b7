"""dlrun.training.step_choice: which function takes the steps, and what the user is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dlrun.data.spec import Batch
from dlrun.training.step_choice import FirstUse
from tests.harness import SMALL, train, weights


@pytest.mark.parametrize(
    ("graphs", "expected"),
    [
        ("on", ["CUDA graphs are not used: graphs are of CUDA, and this run trains on cpu."]),
        ("auto", []),
        ("off", []),
    ],
)
def test_the_user_is_told_why_a_step_is_not_captured(tmp_path: Path, graphs: str, expected: list[str]) -> None:
    collector, _ = train(tmp_path / "a", *SMALL, f"device.graphs={graphs}")
    assert collector.notices == expected


def test_a_run_that_asks_for_graphs_on_the_cpu_has_the_same_bytes(tmp_path: Path) -> None:
    train(tmp_path / "a", *SMALL, "device.graphs=on")
    train(tmp_path / "b", *SMALL)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")


def test_the_first_step_of_a_compiled_model_tells_its_time() -> None:
    told: list[str] = []
    batch = Batch(torch.zeros(2, 3), torch.zeros(2))

    def step(given: Batch, update: object) -> dict[str, Tensor]:
        return {"loss": given.inputs.sum()}

    first = FirstUse(step, device=torch.device("cpu"), tell=told.append)
    for _ in range(3):
        assert first(batch, lambda group, loss: None) == {"loss": torch.tensor(0.0)}
    assert len(told) == 1
    assert re.match(r"torch.compile compiled the model in the first step, which took 0.0 s; a batch of", told[0])
