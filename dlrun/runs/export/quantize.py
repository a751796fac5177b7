"""An ONNX model with int8 weights, and what that cost: the run's own test metric, size and speed."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem, StorageError
from dlrun.runs.export import parity
from dlrun.runs.export.graph import MODEL_INPUTS, MODEL_OUTPUTS, Graph
from dlrun.runs.export.onnx_file import OnnxRunner, cut_out, names_within
from dlrun.runs.export.quiet import quiet
from dlrun.runs.export.real_rows import RealRows
from dlrun.runs.export.values import Arrays
from dlrun.runs.loaded_run import LoadedRun
from dlrun.tasks.gan import GanTask
from dlrun.tasks.task import SupervisedTask, Task
from dlrun.training.evaluation import evaluate
from dlrun.training.loading import load_data
from dlrun.training.metric_choice import choose_metric
from dlrun.wording import number, plural

_BATCHES = (1, 64)  # rows at once, for which speed is measured
_REPEATS = 15
_CALIBRATED_AT_ONCE = 16  # rows
_IN_LOOPS = {"EnableSubgraph": True}  # layers inside loops too


def quantized(
    run: LoadedRun,
    catalog: Catalog,
    graph: Graph,
    model: Any,
    rows: RealRows,
    own: parity.Columns,
    about: Mapping[str, Any],
    *,
    tell: Callable[[str], None],
) -> tuple[bytes, dict[str, Any]]:
    """Return the content of the int8 file, and what the JSON says of it.

    Weights become int8; so do the values between convolutions, whose ranges are measured on `rows`. Preprocessing
    and what follows the model stay as they are. model: the graph in single precision.
    Raises ConfigError for a model without a layer that onnxruntime makes int8.
    """
    method, made = _quantize(graph, model, rows)
    plain, small = model.SerializeToString(), made.SerializeToString()
    found = parity.compare(own, parity.columns_of(about["outputs"], OnnxRunner(small)(rows.inputs), rows), rows)
    name, values, split = _metrics(run, catalog, graph, (model, made))
    times = [_milliseconds(OnnxRunner(content), rows.inputs) for content in (plain, small)]
    tell(f"int8: {name} on the {split} split {_change(*map(number, values))}")
    tell(f"int8: {_change(f'{len(plain):,}', f'{len(small):,}')} bytes")
    for size in _BATCHES:
        before, after = (f"{each[size]:.3f}" for each in times)
        tell(f"int8: {_change(before, after)} ms for {plural(size, 'row')} on one thread")
    tell(f"int8: largest difference {found.difference:.2g} of {found.what}")
    return small, {
        "to": "int8",
        "method": method,
        "metric": {"name": name, "split": split, "float32": values[0], "int8": values[1]},
        "bytes": {"float32": len(plain), "int8": len(small)},
        "milliseconds": {str(size): {"float32": times[0][size], "int8": times[1][size]} for size in _BATCHES},
        "largest_difference": {"output": found.what, "value": found.difference},
    }


def _change(before: str, after: str) -> str:
    return f"{before} -> {after}"


def _quantize(graph: Graph, model: Any, rows: RealRows) -> tuple[str, Any]:
    """Return how, and the model."""
    onnx = import_optional("onnx", extra="export", needed_by="--quantize int8")
    tools = import_optional("onnxruntime.quantization", extra="export", needed_by="--quantize int8")
    outside = _outside(graph, model)
    kinds = {node.op_type for node in model.graph.node if node.name not in outside}
    with tempfile.TemporaryDirectory() as folder, quiet():
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save_model(onnx.shape_inference.infer_shapes(model), before)
        if "Conv" in kinds or "ConvTranspose" in kinds:
            method = "static"
            tools.quantize_static(before, after, _Calibration(rows.inputs), nodes_to_exclude=outside, per_channel=True)
        else:
            method = "dynamic"
            tools.quantize_dynamic(
                before, after, nodes_to_exclude=outside, weight_type=tools.QuantType.QInt8, extra_options=_IN_LOOPS
            )
        made = onnx.load_model(after)
    if not any("Linear" in node.op_type or "Integer" in node.op_type for node in _nodes(made.graph)):
        what = "onnxruntime has no int8 form of any layer of this model; export it without --quantize."
        raise ConfigError(Problem("--quantize int8", what))
    return method, made


def _nodes(graph: Any) -> Iterator[Any]:
    """Yield the nodes of a graph and of the loops in it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def _outside(graph: Graph, model: Any) -> list[str]:
    """Return the names of the nodes before and after the model itself."""
    starts, _ = _ends(graph)
    made_by = names_within(model)
    found: set[str] = set()
    waiting = [] if graph.preprocessor.keeps else list(starts)
    while waiting:
        node = made_by.get(waiting.pop())
        if node is not None and node.name not in found:
            found.add(node.name)
            waiting.extend(node.input)
    if not graph.postprocessor.keeps:
        known = {MODEL_OUTPUTS}
        for node in model.graph.node:  # in the order in which they are computed
            if known & set(node.input):
                found.add(node.name)
                known.update(node.output)
    return sorted(found)


class _Calibration:
    """Rows for onnxruntime, some at a time."""

    def __init__(self, inputs: Arrays) -> None:
        count = len(next(iter(inputs.values())))
        self._parts = iter(
            {name: values[first : first + _CALIBRATED_AT_ONCE] for name, values in inputs.items()}
            for first in range(0, count, _CALIBRATED_AT_ONCE)
        )

    def get_next(self) -> Arrays | None:
        """Return the next rows, or None after the last."""
        return next(self._parts, None)


def _ends(graph: Graph) -> tuple[list[str], list[str]]:
    """Return the names of what the model itself is given and gives."""
    inputs = [value.name for value in graph.inputs]
    starts = inputs if graph.preprocessor.keeps else [MODEL_INPUTS, *(name for name in inputs if name == "lengths")]
    return starts, [value.name for value in graph.outputs] if graph.postprocessor.keeps else [MODEL_OUTPUTS]


def _metrics(run: LoadedRun, catalog: Catalog, graph: Graph, models: Sequence[Any]) -> tuple[str, list[float], str]:
    """Return the run's metric, its value by each model, and the split: the test split, or else another."""
    _, data, _ = load_data(run.config, catalog, run.device)
    if data.fingerprint != run.fingerprint:
        what = "the data is not what this run was trained on (its fingerprint differs)"
        raise StorageError(f"--quantize int8: {what}, so its test metric cannot be measured.")
    split = data.judging_split
    run.task.prepare(data)
    name = choose_metric(run.task, run.config.metric)
    found = []
    for model in models:
        starts, ends = _ends(graph)
        alone = OnnxRunner(cut_out(model, starts, ends))
        with _instead(run.task, _FileModel(alone, starts, ends[0])):
            size = run.config.trainer.eval_batch_size
            found.append(evaluate(run.task, data.split(split), device=run.device, batch_size=size)[name])
    return name, found, split


@contextmanager
def _instead(task: Task, model: nn.Module) -> Iterator[None]:
    """Let a task compute with another model."""
    attribute = "generator" if isinstance(task, GanTask) else "model"
    if not isinstance(task, GanTask | SupervisedTask):
        raise RuntimeError("only supervised models and GANs are exported")
    own = getattr(task, attribute)
    setattr(task, attribute, model)
    try:
        yield
    finally:
        setattr(task, attribute, own)


class _FileModel(nn.Module):
    """A model that a file computes."""

    def __init__(self, run: Callable[[Arrays], Arrays], inputs: Sequence[str], output: str) -> None:
        super().__init__()
        self._run, self._inputs, self._output = run, list(inputs), output
        self.place = nn.Parameter(torch.zeros(0))  # tells an evaluation the device

    def forward(self, *given: Tensor) -> Tensor:
        arrays = (np.ascontiguousarray(tensor.detach().cpu().numpy()) for tensor in given)
        return torch.from_numpy(self._run(dict(zip(self._inputs, arrays, strict=True)))[self._output])


def _milliseconds(run: Callable[[Arrays], Arrays], inputs: Arrays) -> dict[int, float]:
    """Return the median time of some rows, by their number."""
    found = {}
    for size in _BATCHES:
        given = {name: _repeated(values, size) for name, values in inputs.items()}
        run(given)
        times = []
        for _ in range(_REPEATS):
            begin = time.perf_counter()
            run(given)
            times.append(time.perf_counter() - begin)
        found[size] = 1000 * statistics.median(times)
    return found


def _repeated(values: NDArray[Any], size: int) -> NDArray[Any]:
    index = np.arange(size) % len(values)
    return np.ascontiguousarray(values[index])
