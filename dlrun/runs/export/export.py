"""Export a run: its graph in a file, checked against the run itself, with the JSON beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.runs.export import parity
from dlrun.runs.export.description import as_bytes, describe
from dlrun.runs.export.example import example_row
from dlrun.runs.export.graph import Graph, graph_of
from dlrun.runs.export.opened import ExportedModel, runner
from dlrun.runs.export.parity import Parity
from dlrun.runs.export.real_rows import RealRows, real_rows
from dlrun.runs.export.rows import RowEncoder
from dlrun.runs.export.target import Format, check_target, json_path
from dlrun.runs.loaded_run import LoadedRun, load_run
from dlrun.storage.atomic import replace_file
from dlrun.tasks.gan import GanTask

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """What was written. about: the JSON's values. parity: of the file in single precision."""

    path: Path
    about: dict[str, Any]
    parity: Parity


def export_run(
    config: RunConfig,
    catalog: Catalog,
    folder: Path,
    target: Path,
    *,
    rows_from: Path | None = None,
    quantize: bool = False,
    tell: Tell = lambda text: None,
) -> Exported:
    """Write a run's best checkpoint for other programs, and the JSON beside it; both replace older files.

    config: for the CPU in single precision. rows_from: rows to check the file on, instead of the run's own data.
    tell: receives what is measured, as soon as it is.
    Raises PromiseError, and writes nothing, if the file does not predict what the run does, and the errors of
    `check_target`, of reading the run and of reading its data.
    """
    kind = check_target(target, quantize=quantize)
    run = load_run(config, catalog, folder)
    graph = graph_of(run)
    inputs, outputs = graph.inputs, graph.outputs
    if kind == "executorch":
        inputs, outputs = (tuple(value.fixed() for value in values) for values in (inputs, outputs))
    about = describe(run, content=b"", name=target.name, kind=kind, inputs=inputs, outputs=outputs)
    rows = _rows(run, catalog, about, rows_from)
    content, model = _content(graph, kind)
    own = parity.own_predictions(run, rows)
    measured = parity.check(own, runner(content, about), about["outputs"], rows)
    tell(measured.describe())
    about["example"] = example_of(run, about, content)
    about["parity"] = measured.as_json()
    about["quantization"] = None
    if quantize:
        from dlrun.runs.export.quantize import quantized

        content, about["quantization"] = quantized(run, catalog, graph, model, rows, own, about, tell=tell)
    about["file"] = describe(run, content=content, name=target.name, kind=kind, inputs=(), outputs=())["file"]
    replace_file(target, content)
    replace_file(json_path(target), as_bytes(about))
    return Exported(target, about, measured)


def example_of(run: LoadedRun, about: dict[str, Any], content: bytes) -> dict[str, Any] | None:
    """A made-up row and what the file predicts of it; None where a row is a file."""
    row = example_row(about, run.spec)
    if row is None:
        return None
    columns = ExportedModel(about, runner(content, about)).predict([row], probabilities=True)
    return {"row": row, "prediction": {name: values[0] for name, values in columns.items()}}


def _rows(run: LoadedRun, catalog: Catalog, about: dict[str, Any], source: Path | None) -> RealRows:
    if isinstance(run.task, GanTask):
        if source is not None:
            raise ConfigError(Problem("--rows", "A GAN's generator is checked on noise; leave this flag out."))
        return parity.noise_rows(run.task.latent_dim)
    return real_rows(run, catalog, RowEncoder(about), about["preprocessing"]["kind"], source)


def _content(graph: Graph, kind: Format) -> tuple[bytes, Any]:
    """The file's content, and the model that it is of, for ONNX."""
    if kind == "onnx":
        from dlrun.runs.export.onnx_file import onnx_model

        model = onnx_model(graph)
        content: bytes = model.SerializeToString()
        return content, model
    if kind == "torch":
        from dlrun.runs.export.program_file import program_bytes

        return program_bytes(graph), None
    from dlrun.runs.export.phone_file import phone_bytes

    return phone_bytes(graph), None
