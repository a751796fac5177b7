"""dlrun.runs.export.onnx_file: ONNX files, run by onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlrun.errors import ConfigError
from dlrun.runs.export.graph import graph_of
from tests.runs.export.conftest import RUNS, Load
from tests.runs.export.test_graph import check

onnx = pytest.importorskip("onnx", reason="the extra `export` is not installed")
pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")

from dlrun.runs.export.onnx_file import OnnxRunner, cut_out, onnx_model  # noqa: E402

QUICK = ("linear", "mean")


class _AsModule(torch.nn.Module):
    """A file as the module that `check` takes."""

    def __init__(self, runner: OnnxRunner, inputs: list[str], outputs: list[str]) -> None:
        super().__init__()
        self._runner, self._inputs, self._outputs = runner, inputs, outputs

    def forward(self, *given: torch.Tensor) -> list[torch.Tensor]:
        found = self._runner(dict(zip(self._inputs, (tensor.numpy() for tensor in given), strict=True)))
        return [torch.from_numpy(found[name]) for name in self._outputs]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.long]) for name in RUNS]
)
def test_every_family_is_an_onnx_file(name: str, loaded: Load) -> None:
    run = loaded(name)
    graph = graph_of(run)
    model = onnx_model(graph)
    onnx.checker.check_model(model)
    names = [value.name for value in graph.inputs], [value.name for value in graph.outputs]
    assert [entry.name for entry in model.graph.input] == names[0]
    assert [entry.name for entry in model.graph.output] == names[1]
    for entry, value in zip(model.graph.input, graph.inputs, strict=True):
        sizes = [axis.dim_param or axis.dim_value for axis in entry.type.tensor_type.shape.dim]
        assert sizes == list(value.shape)
    check(run, graph, _AsModule(OnnxRunner(model.SerializeToString()), *names))


def test_the_model_alone_is_cut_out(loaded: Load) -> None:
    graph = graph_of(loaded("linear"))
    alone = OnnxRunner(cut_out(onnx_model(graph), ["model_inputs"], ["model_outputs"]))
    scaled = np.array([[0.0, 1.0, -1.0, 0.5]] * 3, dtype=np.float32)
    with torch.no_grad():
        wanted = graph.model(torch.from_numpy(scaled))
    assert np.allclose(alone({"model_inputs": scaled})["model_outputs"], wanted, atol=1e-6)


class Unknown(torch.nn.Module):
    """A model with an operation that ONNX does not have."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.special.bessel_j0(inputs)


def test_an_operation_that_onnx_does_not_have_is_said(loaded: Load) -> None:
    graph = graph_of(loaded("linear"))
    graph.model = Unknown()
    with pytest.raises(
        ConfigError, match=r"This model has an operation that ONNX does not have: .*bessel_j0.* -o FILE"
    ):
        onnx_model(graph)
