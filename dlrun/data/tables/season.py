"""The season of a series, and the window that its length and season allow."""

from __future__ import annotations

import torch
from torch import Tensor

_MOST_ROWS, _MOST_VALUES, _LEAST_ROWS = 20_000, 100_000, 2_000  # the latest ones decide; fewer rows of many columns
_MOST_LAG = 400  # a year of days, two weeks of hours
_LEAST_GAIN = 0.2  # share by which a season must reduce the variance of the errors; more for few rows, by chance
_NEAR = 0.1  # of the gain of the best lag: what counts as equally good, so that 12 is preferred to 24
_LEAST_WINDOW, _USUAL_WINDOW = 4, 24


def find_season(targets: Tensor, *, horizon: int) -> int:
    """Return after how many rows a series repeats, 1 for none.

    targets: training rows, (R, K) float64; a skipped row is NaN. The season is the smallest lag of 2 to R / 3 rows
    whose naive forecast, averaged over the horizon, has errors about as small as the best lag's. Their variance, which
    ignores a steady trend, must be a fifth below that of repeating the last row, or 4 / sqrt(R) if that is more.
    """
    values = targets[-min(_MOST_ROWS, max(_LEAST_ROWS, _MOST_VALUES // targets.shape[1])) :]
    most = min(len(values) // 3, _MOST_LAG)
    if most < 2:
        return 1
    values = values / values.nan_to_num().std(dim=0, correction=0).clamp(min=1e-300)  # columns of one weight
    spread = [0.0] + [_variance(values[lag:] - values[:-lag]) for lag in range(1, min(most + horizon, len(values) - 1))]
    errors = [float("inf")] + [_naive_error(spread, lag, horizon) for lag in range(1, most + 1)]
    best = min(errors[2:])
    if not best < errors[1] * (1 - max(_LEAST_GAIN, 4 / len(values) ** 0.5)):
        return 1
    near = best + _NEAR * (errors[1] - best)
    season = next(lag for lag in range(2, most + 1) if errors[lag] <= near)
    while season < most and errors[season + 1] < errors[season]:  # on to the lowest point nearby
        season += 1
    return season


def _variance(differences: Tensor) -> float:
    whole = differences[torch.isfinite(differences).all(dim=1)]  # (R, K) -> (W, K)
    return float(whole.var(dim=0, correction=0).mean()) if len(whole) > 1 else float("inf")


def _naive_error(spread: list[float], season: int, horizon: int) -> float:
    """The variance of the errors of repeating the season, averaged over the steps of the horizon."""
    lags = [season * -(-ahead // season) for ahead in range(1, horizon + 1)]  # a whole number of seasons before
    return sum(spread[lag] for lag in lags) / horizon if max(lags) < len(spread) else float("inf")


def choose_window(num_train: int, *, season: int, horizon: int) -> int:
    """Return the rows of a window: two seasons, or an eighth of the training rows but at most 24; at least 4.

    Never more than a third of the training rows, or than leaves as many windows as a window and a horizon have rows.
    """
    wanted = max(2 * season, min(_USUAL_WINDOW, num_train // 8), _LEAST_WINDOW)
    return max(1, min(wanted, num_train // 3, (num_train - horizon) // 2))
