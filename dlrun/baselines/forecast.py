"""The trivial forecast: the last value, or the value one season before, whichever errs least on the training rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dlrun.baselines.baseline import BaselineKind, Check, OutputBaseline, blocks, sample
from dlrun.data.loading.split import Split
from dlrun.data.spec import Batch, DataSpec

SEASONS = (7, 12, 24, 52, 168)
"""Steps of a season: days of a week, months of a year, hours of a day, weeks of a year, hours of a week."""

_MOST_WINDOWS = 20_000  # that decide the season
_MOST_VALUES = 20_000_000  # in these windows


class LastValue(OutputBaseline):
    """Each number to forecast is the value of its own column `season` steps before, or the last one if that is later.

    columns: the input column that each forecast column continues. Outputs are ordered as in dataset=series: all columns
    one step ahead, then two steps ahead, and so on. season: 1 repeats the last value.
    """

    kind: BaselineKind = "trivial"

    def __init__(self, spec: DataSpec, columns: Sequence[int], *, season: int) -> None:
        super().__init__(spec, width=spec.num_features)
        self.name = "last value" if season == 1 else f"value {season} steps before"
        window, horizon = spec.shape[0], spec.num_outputs // len(columns)
        ahead = torch.arange(1, horizon + 1)
        steps = window - 1 + ahead - season * -(-ahead // season)  # (horizon,) the step one or more seasons before
        self._steps = steps.repeat_interleave(len(columns))  # -> (K,)
        self._columns = torch.tensor(list(columns)).repeat(horizon)  # -> (K,)
        scaling = spec.scaling
        self._mean = torch.zeros(spec.shape[1]) if scaling is None else torch.tensor(scaling.mean)
        self._std = torch.ones(spec.shape[1]) if scaling is None else torch.tensor(scaling.std)

    def outputs(self, batch: Batch) -> Tensor:
        scaled = batch.inputs[:, self._steps, self._columns].double()  # (B, T, F) -> (B, K)
        raw = scaled * self._std[self._columns].double() + self._mean[self._columns].double()
        return self._spec.target_scaling.scaled(raw)


def last_value(spec: DataSpec, train: Split, columns: Sequence[int], *, seed: int, check: Check) -> LastValue:
    """Return the last value or, if its squared error on the training windows is smaller, that of the best season.

    Seasons longer than the window are not tried. columns: as in LastValue.
    """
    tried = [LastValue(spec, columns, season=season) for season in (1, *SEASONS) if season <= spec.shape[0]]
    errors = torch.zeros(len(tried), dtype=torch.float64)
    index = sample(len(train), min(_MOST_WINDOWS, max(1, _MOST_VALUES // spec.num_features)), seed=seed)
    for batch in blocks(train, max(1, (1 << 22) // spec.num_features), index):
        check()
        for number, baseline in enumerate(tried):
            errors[number] += (baseline.outputs(batch).double() - batch.targets).square().sum()
    return tried[int(errors.argmin())]
