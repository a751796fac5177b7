"""A graph as an ONNX file, and an ONNX file run by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem
from dlrun.runs.export.graph import Graph, captured
from dlrun.runs.export.quiet import quiet
from dlrun.runs.export.values import Arrays, Value
from dlrun.wording import first_line

OPSET = 18  # of the operators; runtimes from 2023 on have it


def onnx_model(graph: Graph) -> Any:
    """Return the graph as an `onnx.ModelProto`; what `Graph.marks` names is in it, but is none of its outputs.

    Raises ConfigError for a model with an operation that ONNX does not have.
    """
    import torch

    graph.marks = True
    names = [value.name for value in graph.outputs]
    with quiet():
        program = captured(graph)
        try:
            made = torch.onnx.export(
                program,
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[value.name for value in graph.inputs],
                output_names=[*names, *graph.marked()],
            )
        except torch.onnx.errors.OnnxExporterError as error:
            what = f"This model has an operation that ONNX does not have: {_reason(error)}. Use -o FILE.pt2."
            raise ConfigError(Problem("model", what)) from error
        finally:
            graph.marks = False
    if made is None:
        raise RuntimeError("torch.onnx.export returned no program")
    model = made.model_proto
    del model.graph.output[len(names) :]
    _name_sizes(model, (*graph.inputs, *graph.outputs))
    _move_into_loops(model.graph)
    model.producer_name = "dlrun"
    return model


def _name_sizes(model: Any, values: Sequence[Value]) -> None:
    """Call the free sizes of inputs and outputs by their names, where torch has numbered them."""
    by_name = {value.name: value for value in values}
    names: dict[str, str] = {}
    for entry in (*model.graph.input, *model.graph.output):
        for size, axis in zip(by_name[entry.name].shape, entry.type.tensor_type.shape.dim, strict=True):
            if isinstance(size, str):
                names[axis.dim_param] = size
                axis.dim_param = size
    del model.graph.value_info[:]  # shapes within, under the old names


def _move_into_loops(graph: Any) -> None:
    """Move weights that a loop uses into the loop: onnxruntime's and onnx's own tools forget that it uses them."""
    weights = {weight.name: weight for weight in graph.initializer}
    outside = {name for node in graph.node for name in node.input}
    moved: set[str] = set()
    for node in graph.node:
        for body in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
            used = sorted({name for inner in body.node for name in inner.input} & (weights.keys() - outside))
            body.initializer.extend(weights[name] for name in used)
            moved.update(used)
    for name in moved:
        graph.initializer.remove(weights[name])


def _reason(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)[:300].rstrip(".")


class OnnxRunner:
    """An ONNX file, run on the CPU."""

    def __init__(self, content: bytes, *, threads: int = 1) -> None:
        runtime = import_optional("onnxruntime", extra="export", needed_by="an ONNX file")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._outputs = [entry.name for entry in self._session.get_outputs()]

    def __call__(self, inputs: Arrays) -> Arrays:
        """Return the outputs for some rows, by name."""
        found: Sequence[Any] = self._session.run(self._outputs, dict(inputs))
        return dict(zip(self._outputs, found, strict=True))


def cut_out(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Return the part of a model between values that it names, as an ONNX file; the first of `inputs` has all rows."""
    onnx = import_optional("onnx", extra="export", needed_by="an ONNX file")
    whole = onnx.shape_inference.infer_shapes(model)
    outer = {entry.name for entry in whole.graph.input} - set(inputs)
    for node in whole.graph.node:
        if node.op_type == "Shape" and node.input[0] in outer and _is_of_rows(node):
            node.input[0] = inputs[0]  # the part has as many rows as the whole
    found: bytes = onnx.utils.Extractor(whole).extract_model(list(inputs), list(outputs)).SerializeToString()
    return found


def _is_of_rows(node: Any) -> bool:
    """Whether a Shape takes the first size alone, the number of rows."""
    found = {attribute.name: attribute.i for attribute in node.attribute}
    return found.get("start", 0) == 0 and found.get("end") == 1


def names_within(model: Any) -> Mapping[str, Any]:
    """Return the nodes of a model by the names of what they give."""
    return {name: node for node in model.graph.node for name in node.output}
