"""A run as one module from raw values to predictions, which can be captured as a graph."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from dlrun.data.media.audio import AudioEncoder
from dlrun.data.spec import DataSpec
from dlrun.data.tables.encoding import TableEncoder
from dlrun.errors import ConfigError, Problem
from dlrun.runs.export.postprocessors import ImagesPostprocessor, Postprocessor, postprocessor_of
from dlrun.runs.export.preprocessors import (
    AudioPreprocessor,
    ImagesPreprocessor,
    NoisePreprocessor,
    NumbersPreprocessor,
    Preprocessor,
    TablePreprocessor,
    TokensPreprocessor,
)
from dlrun.runs.export.recurrent import with_loops
from dlrun.runs.export.values import BATCH, TIME, Value, longest_of
from dlrun.runs.loaded_run import LoadedRun
from dlrun.tasks.gan import GanTask
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask

MODEL_INPUTS, MODEL_OUTPUTS = "model_inputs", "model_outputs"
"""What a model is given and gives within a graph: the ends of the part that is the model alone."""


class Graph(nn.Module):
    """Preprocessing, model, and what makes predictions of its outputs; one positional argument for each input.

    marks: whether the model's own inputs and outputs are returned too, where they are neither the graph's.
    """

    def __init__(self, preprocessor: Preprocessor, model: nn.Module, postprocessor: Postprocessor) -> None:
        super().__init__()
        self.preprocessor, self.model, self.postprocessor = preprocessor, model, postprocessor
        self.marks = False
        self.eval()

    @property
    def inputs(self) -> tuple[Value, ...]:
        """What goes in, in order."""
        return self.preprocessor.values

    @property
    def outputs(self) -> tuple[Value, ...]:
        """What comes out, in order."""
        return self.postprocessor.values

    def marked(self) -> list[str]:
        """Return the names of what `marks` adds to the outputs."""
        return [
            name
            for name, same in ((MODEL_INPUTS, self.preprocessor.keeps), (MODEL_OUTPUTS, self.postprocessor.keeps))
            if not same
        ]

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        inputs, lengths = self.preprocessor(*given)
        outputs = self.model(inputs) if lengths is None else self.model(inputs, lengths)
        found: tuple[Tensor, ...] = self.postprocessor(outputs)
        if not self.marks:
            return found
        marks = {MODEL_INPUTS: inputs, MODEL_OUTPUTS: outputs}
        return (*found, *(marks[name] for name in self.marked()))


def graph_of(run: LoadedRun) -> Graph:
    """Return the graph of a run, on the CPU, in single precision; the run's own model stays as it is.

    Raises ConfigError for a model that is a task of its own, unless it is a GAN, whose generator is exported.
    """
    task, spec = run.task, run.spec
    if isinstance(task, GanTask) and spec.scaling is not None:
        preprocessor: Preprocessor = NoisePreprocessor(task.latent_dim)
        return Graph(preprocessor, _copy(task.generator), ImagesPostprocessor(spec, spec.scaling))
    if not isinstance(task, SupervisedTask):
        what = "This model is a task of its own; what is exported is a model that predicts, or a GAN's generator."
        raise ConfigError(Problem(f"model={run.config.model.name}", what))
    return Graph(preprocessor_of(run, spec), _copy(task.model), postprocessor_of(spec))


def _copy(model: nn.Module) -> nn.Module:
    return with_loops(copy.deepcopy(model).cpu().float())


def preprocessor_of(run: LoadedRun, spec: DataSpec) -> Preprocessor:
    """Return the first part of a supervised run's graph."""
    pad = run.config.dataset_settings.pad
    if isinstance(run.encoder, AudioEncoder):
        return AudioPreprocessor(spec, run.encoder.state(), pad=pad)
    if isinstance(run.encoder, TableEncoder):
        return TablePreprocessor(spec, run.encoder.state())
    if spec.kind == "image":
        return ImagesPreprocessor(spec, pad=pad)
    if spec.kind == "tokens":
        return TokensPreprocessor(spec, free=spec.has_lengths or goal_of(spec).predicts_each_step)
    return NumbersPreprocessor(spec)


def captured(graph: Graph, *, fixed: bool = False) -> torch.export.ExportedProgram:
    """Return the graph as torch's own program; rows, and steps where rows differ in length, are free.

    fixed: for one row of the most steps, for runtimes that reserve their memory beforehand.
    Raises ConfigError for a model that decides by values of its inputs which operations it does.
    """
    longest = longest_of(graph.inputs)
    dims = {BATCH: torch.export.Dim(BATCH, min=1)}
    if longest is not None:
        dims[TIME] = torch.export.Dim(TIME, min=1, max=longest)
    free = None if fixed else (tuple(value.dynamic(dims) for value in graph.inputs),)
    try:
        with torch.no_grad():
            examples = tuple(value.example(fixed=fixed) for value in graph.inputs)
            return torch.export.export(graph, examples, dynamic_shapes=free)
    except (RuntimeError, ValueError, TypeError, torch._dynamo.exc.TorchDynamoException) as error:
        what = f"torch.export cannot capture this model as a graph: {_first_lines(error)}"
        raise ConfigError(Problem("model", what)) from error


def _first_lines(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:400]
