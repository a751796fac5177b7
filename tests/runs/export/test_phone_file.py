"""dlrun.runs.export.phone_file: files for ExecuTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dlrun.errors import ConfigError
from dlrun.runs.export.graph import graph_of
from dlrun.runs.export.opened import open_exported
from tests.runs.export.conftest import Load, Train

pytest.importorskip("executorch.exir", reason="the extra `executorch` is not installed")

from dlrun.runs.export.phone_file import phone_bytes

Dlrun = Callable[..., tuple[int, str, str]]


@pytest.mark.long
@pytest.mark.parametrize("name", ["linear", "cnn", "mean", "text", "transformer", "language", "forecast", "mixed"])
def test_a_file_for_phones_takes_one_row(name: str, trained: Train, dlrun: Dlrun) -> None:
    code, _, err = dlrun("export", str(trained(name)), "-o", "model.pte")
    assert code == 0, err
    assert "largest difference from the run's own predictions" in err
    shapes = [value["shape"] for value in open_exported(Path("model.pte")).about["inputs"]]
    assert all(shape[0] == 1 and "time" not in shape for shape in shapes)


class Unknown(torch.nn.Module):
    """A model with an operation that ExecuTorch does not have."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.special.bessel_j0(inputs)


@pytest.mark.long
def test_an_operation_that_executorch_does_not_have_is_said(loaded: Load) -> None:
    graph = graph_of(loaded("linear"))
    graph.model = Unknown()
    with pytest.raises(ConfigError, match="ExecuTorch cannot compile this model: "):
        phone_bytes(graph)
