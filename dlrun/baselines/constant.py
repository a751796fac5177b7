"""The trivial answer for rows: the mean of the training targets, or the largest class of the training rows."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.baselines.baseline import BaselineKind, OutputBaseline
from dlrun.data.loading.split import Split
from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.goals import num_logits


class Constant(OutputBaseline):
    """The same outputs for every row. outputs: (K,)."""

    kind: BaselineKind = "trivial"
    reads_inputs = False

    def __init__(self, spec: DataSpec, name: str, outputs: Tensor) -> None:
        super().__init__(spec)
        self.name = name
        self._outputs = outputs

    def outputs(self, batch: Batch) -> Tensor:
        return self._outputs.expand(len(batch.targets), -1)  # (K,) -> (B, K)


def mean(spec: DataSpec, train: Split) -> Constant:
    """Return the mean of the training targets, (N, K) in scaled units, as an answer."""
    targets = train.targets.cpu().double()
    if train.weights is None:
        return Constant(spec, "mean", targets.mean(dim=0))  # (N, K) -> (K,)
    weights = train.weights.cpu().double().unsqueeze(1)  # (N,) -> (N, 1)
    return Constant(spec, "mean", (targets * weights).sum(dim=0) / weights.sum())  # (N, K) -> (K,)


def largest_class(spec: DataSpec, train: Split) -> Constant:
    """Return the class of most training rows as an answer, the first of equal ones; logits are those of its shares."""
    weights = None if train.weights is None else train.weights.cpu().double()
    counts = torch.bincount(train.targets.cpu(), weights, minlength=spec.num_outputs).double()  # (N,) -> (K,)
    logits = (counts / counts.sum()).clamp(min=1e-12).log()
    return Constant(spec, "largest class", logits if num_logits(spec) > 1 else logits[1:] - logits[:1])
