"""Runs with models of known weights, as if they were loaded from a folder: nothing is trained."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import Tensor, nn

from dlrun.data.source import Encoder
from dlrun.data.spec import DataSpec
from dlrun.optim import device
from dlrun.runs.explain.model import Model
from dlrun.runs.explain.rows import InputRow
from dlrun.runs.loaded_run import LoadedRun
from dlrun.tasks.task import SupervisedTask
from tests.harness import CPU, configure

needs_captum = pytest.mark.skipif(
    importlib.util.find_spec("captum") is None, reason='needs captum: pip install "dlrun[explain]"'
)


def loaded(spec: DataSpec, model: nn.Module, *words: str, encoder: Encoder | None = None) -> LoadedRun:
    """A run of a model; words: overrides, by default of a dataset whose columns have no names."""
    config = configure(*(words or ("dataset=random_images",)), *CPU)
    task = SupervisedTask(model, nn.MSELoss(), spec).eval()
    return LoadedRun(config, device.set_up(config), spec, task, encoder, 1, "")


def model_of(run: LoadedRun) -> Model:
    """The model of a run."""
    assert isinstance(run.task, SupervisedTask)
    return Model(run, run.task)


def row(values: Tensor, *, length: int | None = None, text: str | None = None) -> InputRow:
    """The first row of a file, without its batch."""
    return InputRow(1, values.unsqueeze(0), length, {}, text)


def linear(weights: Tensor, bias: float = 0.0) -> nn.Module:
    """A linear model on flattened rows. weights: (K, F)."""
    layer = nn.Linear(weights.shape[1], weights.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weights)
        layer.bias.fill_(bias)
    return nn.Sequential(nn.Flatten(), layer)
