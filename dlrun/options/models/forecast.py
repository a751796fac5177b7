"""A forecast as a correction of the naive ones: the last row, the last season and the window's mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlrun.configuration.schema.fields import Fraction, WidthOrZero
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem

_PREFERRED = 2.0  # logit of the naive forecast that a new model starts from; the others have 0
_FLAT = 1e-2  # added to a window's deviation, in training deviations: a flat window is not blown up


def forecast(spec: DataSpec, *, hidden: WidthOrZero, dropout: Fraction, other_columns: bool) -> nn.Module:
    """Forecast of a series, (B, T, F) -> (B, horizon * targets).

    A trained mixture of the naive forecasts, plus a linear layer on the window, minus its last row and divided by its
    deviation (NLinear, Zeng et al. 2023; reversible normalisation, Kim et al. 2022). All corrections start at 0.
    Raises ConfigError if the dataset is no series, or forecasts a column that is not among its inputs.
    """
    if not spec.continues:
        raise ConfigError(
            Problem(
                "model=forecast",
                f"This model continues a series, but this dataset has {spec.describe()}. Use dataset=series, or "
                "another model.",
                id="model-mismatch",
            )
        )
    if min(spec.continues) < 0:
        missing = [
            name.rpartition("+")[0]
            for name, column in zip(spec.class_names, spec.continues, strict=False)
            if column < 0
        ]
        raise ConfigError(
            Problem(
                "model=forecast",
                f"This model continues its inputs, and {', '.join(missing)} is not among dataset.columns. Add it, "
                "or use model=rnn.",
                id="model-mismatch",
                fix="model=rnn",
            )
        )
    return _Forecast(spec, hidden=hidden, dropout=dropout, other_columns=other_columns)


class _Forecast(nn.Module):
    """J columns are forecast from T steps of F columns, H steps ahead."""

    _factor: Tensor  # (H * J,), from scaled inputs to scaled targets
    _offset: Tensor

    def __init__(self, spec: DataSpec, *, hidden: int, dropout: float, other_columns: bool) -> None:
        super().__init__()
        self._columns = list(spec.continues)
        steps, width = spec.shape
        targets, horizon = len(self._columns), spec.num_outputs // len(self._columns)
        self._shape = (targets, horizon)
        seasons = [spec.season * -(-ahead // spec.season) for ahead in range(1, horizon + 1)]
        self._season = None
        if 1 < spec.season <= steps:  # the same place in the last season of the window
            self._season = [steps + ahead - season for ahead, season in enumerate(seasons)]
        self.naive = nn.Parameter(torch.zeros(targets, horizon, 2 if self._season is None else 3))
        with torch.no_grad():
            self.naive[..., 0 if self._season is None else 2] = _PREFERRED
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.ModuleList(_zeros(nn.Linear(steps, horizon)) for _ in range(targets))
        self.hidden = nn.ModuleList(_mlp(steps, hidden, horizon, dropout) for _ in range(targets if hidden else 0))
        self.others = (
            _zeros(nn.Linear(steps * width, targets * horizon, bias=False)) if other_columns and width > 1 else None
        )
        self.register_buffer("_factor", _per_output(spec, 1.0, 0.0), persistent=False)
        self.register_buffer("_offset", _per_output(spec, 0.0, 1.0), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T, F) -> (B, H * J)."""
        past = inputs[:, :, self._columns].transpose(1, 2)  # (B, T, F) -> (B, T, J) -> (B, J, T)
        last = past[:, :, -1:]
        deviation = past.std(dim=2, keepdim=True, correction=0) + _FLAT  # (B, J, T) -> (B, J, 1)
        shape = self.dropout((past - last) / deviation)
        corrections = [layer(shape[:, number]) for number, layer in enumerate(self.linear)]  # J x (B, H)
        if len(self.hidden):
            corrections = [
                correction + layer(shape[:, number])
                for number, (correction, layer) in enumerate(zip(corrections, self.hidden, strict=True))
            ]
        future = self._naive(past) + torch.stack(corrections, dim=1) * deviation  # J x (B, H) -> (B, J, H)
        if self.others is not None:
            changes = self.dropout((inputs - inputs[:, -1:]).flatten(1))  # (B, T, F) -> (B, T * F)
            future = future + self.others(changes).unflatten(1, self._shape)  # (B, J * H) -> (B, J, H)
        return future.transpose(1, 2).flatten(1) * self._factor + self._offset  # (B, J, H) -> (B, H, J) -> (B, H * J)

    def _naive(self, past: Tensor) -> Tensor:
        """The mixture of the naive forecasts, (B, J, T) -> (B, J, H)."""
        horizon = self._shape[1]
        forecasts = [past[:, :, -1:].expand(-1, -1, horizon), past.mean(dim=2, keepdim=True).expand(-1, -1, horizon)]
        if self._season is not None:
            forecasts.append(past[:, :, self._season])
        return (torch.stack(forecasts, dim=3) * self.naive.softmax(dim=2)).sum(dim=3)  # (B, J, H, 3) -> (B, J, H)


def _zeros(layer: nn.Linear) -> nn.Linear:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _mlp(steps: int, hidden: int, horizon: int, dropout: float) -> nn.Module:
    last = _zeros(nn.Linear(hidden, horizon))
    return nn.Sequential(nn.Linear(steps, hidden), nn.GELU(), nn.Dropout(dropout), last)


def _per_output(spec: DataSpec, factor: float, offset: float) -> Tensor:
    """From scaled inputs to scaled targets: value * factor + offset; one of the two for each output, (H * J,)."""
    with torch.device("cpu"):  # numbers of the data, also where the weights are built on `meta`
        horizon = spec.num_outputs // len(spec.continues)
        ones = torch.ones(spec.num_outputs, dtype=torch.float64)
        mean, deviation = torch.tensor(0.0).double(), ones
        if spec.scaling is not None:
            columns = torch.tensor(spec.continues).repeat(horizon)  # (J,) -> (H * J,)
            mean = torch.tensor(spec.scaling.mean, dtype=torch.float64)[columns]
            deviation = torch.tensor(spec.scaling.std, dtype=torch.float64)[columns]
        target_mean = torch.tensor(spec.target_mean, dtype=torch.float64)
        target_std = torch.tensor(spec.target_std, dtype=torch.float64)
        return ((factor * deviation + offset * (mean - target_mean)) / target_std * ones).float()
