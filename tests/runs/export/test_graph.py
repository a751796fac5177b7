"""dlrun.runs.export.graph: every family of models as one module that predicts what the run does."""

from __future__ import annotations

import dataclasses
from typing import cast

import numpy as np
import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.spec import Scaling
from dlrun.errors import ConfigError
from dlrun.runs.export import parity
from dlrun.runs.export.graph import Graph, captured, graph_of
from dlrun.runs.export.preprocessing import preprocessing_of
from dlrun.runs.export.real_rows import RealRows, real_rows
from dlrun.runs.export.rows import RowEncoder
from dlrun.runs.export.values import Arrays
from dlrun.runs.loaded_run import LoadedRun
from dlrun.tasks.gan import GanTask
from dlrun.tasks.task import Task
from tests.runs.export.conftest import RUNS, Load

CAPTURED = ("cnn", "mean", "language")
SLOW = ("gan", "resnet", "rows", "last", "max", "arrays", "images", "language_rnn")
EVERY = [pytest.param(name, marks=[pytest.mark.long] if name in SLOW else []) for name in RUNS]


def rows_of(run: LoadedRun, graph: Graph) -> RealRows:
    """Return real rows of a run."""
    if isinstance(run.task, GanTask):
        return parity.noise_rows(run.task.latent_dim)
    how = preprocessing_of(run)
    about = {"inputs": [value.as_json() for value in graph.inputs], "preprocessing": how}
    return real_rows(run, Catalog(), RowEncoder(about), how["kind"], None)


def check(run: LoadedRun, graph: Graph, module: torch.nn.Module | None = None) -> parity.Parity:
    """Hold a graph, or a module made of it, against the run."""

    def run_graph(inputs: Arrays) -> Arrays:
        with torch.no_grad():
            found = (module or graph)(*(torch.from_numpy(inputs[value.name]) for value in graph.inputs))
        return {value.name: tensor.numpy() for value, tensor in zip(graph.outputs, found, strict=True)}

    rows = rows_of(run, graph)
    outputs = [value.as_json() for value in graph.outputs]
    return parity.check(parity.own_predictions(run, rows), run_graph, outputs, rows)


@pytest.mark.parametrize("name", EVERY)
def test_every_family_predicts_what_its_run_does(name: str, loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    run = loaded(name)
    graph = graph_of(run)
    assert check(run, graph).rows >= 8
    for value in graph.inputs:  # what the JSON says of shapes is so
        assert value.shape[0] == "batch"
    given = [value.example() for value in graph.inputs]
    with torch.no_grad():
        found = graph(*given)
    sizes = {"batch": 2, "time": given[0].shape[1] if given[0].ndim > 1 else 0}
    for value, tensor in zip(graph.outputs, found, strict=True):
        assert tuple(tensor.shape) == tuple(sizes[size] if isinstance(size, str) else size for size in value.shape)
        assert str(tensor.dtype) == f"torch.{value.dtype}"


@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_graph_takes_any_number_of_rows_and_steps(name: str, loaded: Load) -> None:
    run = loaded(name)
    graph = graph_of(run)
    module = captured(graph).module()
    check(run, graph, module)
    for size, steps in ((1, 1), (3, 4)):
        given = tuple(value.example()[:1].repeat(size, *[1] * (len(value.shape) - 1)) for value in graph.inputs)
        given = tuple(
            part[:, :steps] if "time" in value.shape else part for part, value in zip(given, graph.inputs, strict=True)
        )
        given = tuple(
            part.clamp(max=steps) if value.name == "lengths" else part
            for part, value in zip(given, graph.inputs, strict=True)
        )
        with torch.no_grad():
            for found, wanted in zip(module(*given), graph(*given), strict=True):
                assert np.allclose(found, wanted, atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in RUNS if name not in CAPTURED])
def test_every_family_can_be_captured(name: str, loaded: Load) -> None:
    run = loaded(name)
    graph = graph_of(run)
    check(run, graph, captured(graph).module())


def test_rows_of_a_shipped_example_are_found(loaded: Load) -> None:
    run = loaded("images")
    dataset = dataclasses.replace(
        run.config.dataset, arguments={**run.config.dataset.arguments, "path": "example:shapes"}
    )
    elsewhere = dataclasses.replace(run, config=dataclasses.replace(run.config, dataset=dataset))
    rows = rows_of(elsewhere, graph_of(run))
    assert rows.where.endswith("shapes-1")


def test_the_run_s_own_model_is_left_as_it_is(loaded: Load) -> None:
    run = loaded("mean")
    before = [type(module).__name__ for module in run.task.modules()]
    graph_of(run)
    assert [type(module).__name__ for module in run.task.modules()] == before
    assert "LSTM" in before


def test_marks_are_the_ends_of_the_model_alone(loaded: Load) -> None:
    graph = graph_of(loaded("linear"))
    graph.marks = True
    assert graph.marked() == ["model_inputs", "model_outputs"]
    raw = torch.tensor([[5.0, 3.0, 1.0, 0.5]])
    with torch.no_grad():
        _, probabilities, inputs, outputs = graph(raw)
        assert torch.allclose(graph.model(inputs), outputs)
    assert torch.allclose(outputs.softmax(dim=1), probabilities)
    assert not torch.allclose(inputs, raw)
    assert graph_of(loaded("language")).marked() == []  # tokens in, logits out


class Branches(torch.nn.Module):
    """A model that decides by a value what it computes."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs if inputs.sum() > 0 else -inputs


def test_a_model_that_decides_by_values_cannot_be_captured(loaded: Load) -> None:
    graph = graph_of(loaded("linear"))
    graph.model = Branches()
    with pytest.raises(
        ConfigError, match=r"torch.export cannot capture this model as a graph: Could not guard on data"
    ):
        captured(graph)


def test_a_task_of_its_own_is_refused(loaded: Load) -> None:
    run = dataclasses.replace(loaded("linear"), task=cast("Task", torch.nn.Linear(1, 1)))
    with pytest.raises(ConfigError, match="This model is a task of its own"):
        graph_of(run)


def test_a_gan_exports_its_generator_from_noise_to_the_data_s_pixels(loaded: Load) -> None:
    generator = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.Tanh(), torch.nn.Unflatten(1, (1, 8, 8)))
    run = loaded("linear")
    spec = dataclasses.replace(run.spec, kind="image", shape=(1, 8, 8), scaling=Scaling((5.0,), (6.0,), 0.0, 16.0))
    assert spec.scaling is not None
    settings = {"latent_dim": 3, "objective": "hinge", "optimizer_overrides": {}}
    task = GanTask(generator, torch.nn.Flatten(), scaling=spec.scaling, **settings)  # type: ignore[arg-type]
    graph = graph_of(dataclasses.replace(run, task=task, spec=spec))
    assert [value.name for value in (*graph.inputs, *graph.outputs)] == ["noise", "images"]
    noise = torch.randn(5, 3)
    with torch.no_grad():
        (images,) = graph(noise)
        assert torch.allclose(images, (generator(noise) + 1) * 8)  # -1 to 1 becomes 0 to 16
