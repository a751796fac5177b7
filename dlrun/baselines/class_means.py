"""The simple model for images: the class whose mean image is nearest."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.baselines.baseline import BaselineKind, Check, OutputBaseline, blocks, on_rows, sample
from dlrun.data.loading.split import Split
from dlrun.data.spec import Batch, DataSpec

_MOST_VALUES = 100_000_000  # pixels of the training images that the means are computed from
_BLOCK_VALUES = 4_000_000


class NearestMean(OutputBaseline):
    """Logits that are largest for the nearest mean. means: (K, F) of flattened inputs; NaN for a class without rows."""

    kind: BaselineKind = "simple"

    def __init__(self, spec: DataSpec, name: str, means: Tensor) -> None:
        super().__init__(spec, width=spec.num_features)
        self.name = name
        self._means = means
        self._offsets = -means.square().sum(dim=1) / 2  # (K,)

    def outputs(self, batch: Batch) -> Tensor:
        # -|x - mean|^2 / 2 without |x|^2, which is the same for all classes
        logits = batch.inputs.flatten(1).double() @ self._means.T + self._offsets  # (B, ...) -> (B, K)
        logits = logits.nan_to_num(nan=-1e30)
        return logits if self._spec.goal != "binary" else logits[:, 1:] - logits[:, :1]


def nearest_mean(spec: DataSpec, train: Split, *, most_rows: int, seed: int, check: Check) -> NearestMean:
    """Return the means of the training images, or of a sample of at most `most_rows` of them."""
    index = sample(len(train), max(1, min(most_rows, _MOST_VALUES // spec.num_features)), seed=seed)
    sums = torch.zeros(spec.num_outputs, spec.num_features, dtype=torch.float64)
    counts = torch.zeros(spec.num_outputs, dtype=torch.float64)
    for batch in blocks(train, max(1, _BLOCK_VALUES // spec.num_features), index):
        check()
        sums.index_add_(0, batch.targets, batch.inputs.flatten(1).double())
        counts += torch.bincount(batch.targets, minlength=spec.num_outputs)
    return NearestMean(spec, on_rows("class means", len(index), len(train)), sums / counts[:, None])
