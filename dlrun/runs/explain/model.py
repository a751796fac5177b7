"""A run's model as a function of the inputs of one row."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.loading.split import scale, scaling_tensors
from dlrun.data.spec import Batch
from dlrun.errors import DataError
from dlrun.runs.explain.rows import InputRow
from dlrun.runs.loaded_run import LoadedRun
from dlrun.tasks.task import SupervisedTask


class Model:
    """A run's model as a function of inputs that are scaled as in training."""

    def __init__(self, run: LoadedRun, task: SupervisedTask) -> None:
        self._run, self._task = run, task

    def scaled(self, raw: Tensor) -> Tensor:
        """Return raw inputs as the model is given them, on its device: with the run's border, scaled.

        Raises DataError for rows of another shape than the run was trained on.
        """
        spec, pad = self._run.spec, self._run.config.dataset_settings.pad
        if pad and spec.kind == "image":
            raw = F.pad(raw, (pad, pad, pad, pad))  # (N, C, H, W) -> (N, C, H + 2 * pad, W + 2 * pad)
        if raw.ndim != 1 + len(spec.shape) or (tuple(raw.shape[1:]) != spec.shape and not spec.has_lengths):
            raise DataError(f"Expected rows of shape {spec.shape}, as the run was trained on, got {raw.shape[1:]}.")
        return scale(raw, scaling_tensors(spec.scaling, ndim=raw.ndim)).to(self._run.device.torch)

    def outputs(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the model's outputs in float32, (B, K)."""
        targets = torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)
        lengths = None if lengths is None else lengths.to(inputs.device)
        with self._run.device.autocast():
            outputs: Tensor = self._task(Batch(inputs, targets, lengths))
        return outputs.float()

    def answer(self, given: InputRow) -> Tensor:
        """Return the model's outputs for a row, (1, K), without gradients, on the CPU."""
        lengths = None if given.length is None else torch.tensor([given.length])
        with torch.no_grad():
            return self.outputs(self.scaled(given.raw), lengths).cpu()
