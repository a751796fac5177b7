"""Whether an exported file predicts what the run itself does, on real rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dlrun.data.source import Encoded
from dlrun.errors import PromiseError
from dlrun.runs.export.answers import answers
from dlrun.runs.export.postprocessors import ImagesPostprocessor
from dlrun.runs.export.real_rows import RealRows
from dlrun.runs.export.values import Arrays
from dlrun.runs.loaded_run import LoadedRun
from dlrun.runs.predict import model_outputs
from dlrun.tasks.gan import GanTask
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask
from dlrun.wording import printable

BOUND = 1e-4
"""The largest difference that is allowed: of a probability, or as a share of the largest number of an output."""

_NOISE_ROWS = 64
Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Parity:
    """How far a file is from the run. where: the rows. what: the output that is furthest, against its bound."""

    rows: int
    where: str
    what: str
    difference: float
    bound: float

    def describe(self) -> str:
        """Return one line: "largest difference from the run: 3.1e-07 of probability_setosa, ..."."""
        measured = f"{self.difference:.2g} of {printable(self.what)} (at most {self.bound:.2g})"
        return f"largest difference from the run's own predictions: {measured}, on {self.where}"

    def as_json(self) -> dict[str, Any]:
        """Return it as the JSON beside the file has it."""
        return {"rows": self.rows, "output": self.what, "largest_difference": self.difference, "bound": self.bound}


def own_predictions(run: LoadedRun, rows: RealRows) -> dict[str, NDArray[Any]]:
    """Return what the run predicts, as `dlrun predict` does with every probability; logits of a language model."""
    task, inputs = run.task, rows.encoded.inputs
    if isinstance(task, GanTask):
        scaling = run.spec.scaling
        if scaling is None:
            raise RuntimeError("a GAN has a scaling")
        with torch.inference_mode():
            (images,) = ImagesPostprocessor(run.spec, scaling)(task.generator(inputs))
        return {"images": images.numpy()}
    if not isinstance(task, SupervisedTask):
        raise RuntimeError("only supervised models and GANs are exported")
    if rows.lengths:
        with torch.inference_mode():
            found = [task.model(row[None, :length])[0] for row, length in zip(inputs, rows.lengths, strict=True)]
        return {"logits": torch.cat(found).numpy()}  # each (T, V) -> (sum of T, V)
    columns = goal_of(run.spec).columns(run.spec, model_outputs(run, task, rows.encoded), probabilities=True)
    return {name: np.array(values) for name, values in columns.items()}


def noise_rows(latent_dim: int) -> RealRows:
    """Return what a generator is checked on."""
    noise = torch.randn(_NOISE_ROWS, latent_dim, generator=torch.Generator().manual_seed(0))
    return RealRows({"noise": noise.numpy()}, Encoded(noise), f"{_NOISE_ROWS} images from the same noise")


def columns_of(outputs: Sequence[Mapping[str, Any]], found: Arrays, rows: RealRows) -> dict[str, NDArray[Any]]:
    """Return a file's outputs in the form of `own_predictions`. outputs: what the JSON says of them."""
    columns: dict[str, NDArray[Any]] = {
        name: np.array(values) for name, values in answers(outputs, found, probabilities=True).items()
    }
    if "images" in found:
        columns["images"] = found["images"]
    if rows.lengths:
        parts = [row[:length] for row, length in zip(found["logits"], rows.lengths, strict=True)]
        columns["logits"] = np.concatenate(parts)
    return columns


def compare(own: Columns, found: Columns, rows: RealRows) -> Parity:
    """Return the difference that is largest against its bound; classes count by their probabilities."""
    worst: tuple[float, str, float, float] | None = None
    for name, values in own.items():
        if values.dtype.kind not in "fiu":  # the name of a class
            continue
        size = 1.0 if name.startswith("probability_") else max(float(np.abs(values).max()), 1e-30)
        difference = float(np.abs(found[name].astype(np.float64) - values).max())
        if not np.isfinite(difference):
            difference = float(np.finfo(np.float64).max)
        if worst is None or difference / size > worst[0]:
            worst = (difference / size, name, difference, BOUND * size)
    if worst is None:
        raise RuntimeError("no output has numbers")
    return Parity(len(rows), rows.where, *worst[1:])


def check(
    own: Columns, run_file: Callable[[Arrays], Arrays], outputs: Sequence[Mapping[str, Any]], rows: RealRows
) -> Parity:
    """Return how far a file is from the run; raises PromiseError if that is beyond the bound."""
    found = compare(own, columns_of(outputs, run_file(rows.inputs), rows), rows)
    if found.difference > found.bound:
        what = "The exported model does not predict what the run does, and was not kept:"
        raise PromiseError(f"{what} {found.describe()}.")
    return found
