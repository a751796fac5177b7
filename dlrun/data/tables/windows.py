"""From a series to a Source: split in the order of time, and cut into windows with the rows to forecast."""

from __future__ import annotations

import dataclasses

import torch

from dlrun.data.files.paths import locate
from dlrun.data.source import Rows, Source
from dlrun.data.tables.season import choose_window, find_season
from dlrun.data.tables.series import Series, SeriesEncoder, SeriesFormat, read_series
from dlrun.errors import DataError
from dlrun.wording import plural


def windows(series: Series, *, window: int, horizon: int, step: int) -> Rows:
    """Return, every `step` rows, `window` rows as inputs and the `horizon` rows that follow as targets.

    (R, F), (R, K) -> (N, T, F), (N, horizon * K) float32. Windows with a skipped row are skipped.
    """
    first = torch.arange(0, max(0, series.num_rows - window - horizon + 1), step)
    past = first.unsqueeze(1) + torch.arange(window)  # (N,) -> (N, T)
    future = first.unsqueeze(1) + window + torch.arange(horizon)  # (N,) -> (N, horizon)
    inputs, targets = series.inputs[past], series.targets[future].flatten(1)  # -> (N, T, F), (N, horizon * K)
    whole = torch.isfinite(inputs).flatten(1).all(dim=1) & torch.isfinite(targets).all(dim=1)
    return Rows(inputs[whole].to(torch.float32), targets[whole].to(torch.float32))


def series_source(
    path: str,
    form: SeriesFormat,
    *,
    window: int | None,
    season: int | None,
    val: str | None,
    test: str | None,
    val_fraction: float,
    test_fraction: float,
    horizon: int,
    step: int,
    skip_bad_rows: bool,
    notices: tuple[str, ...],
) -> Source:
    """Return windows of the training rows, of the validation rows after them, and of the test rows after those.

    window, season: in rows; None is found in the training rows and told in a notice. No row is forecast in two splits;
    a window may begin in the split before, whose rows are known when its own are forecast. A split that is held out has
    `horizon` rows at least.
    Raises DataError for a split that is too short for one window.
    """
    whole = read_series(locate(path), form, skip_bad_rows=skip_bad_rows)
    notices += whole.notices
    count = whole.num_rows
    test_from = count if test else count - _held_out(count, test_fraction, horizon)
    val_from = test_from if val else test_from - _held_out(test_from, val_fraction, horizon)
    train = whole.part(slice(0, max(0, val_from)))
    window, season, chosen = _choose(train, window, season, horizon)
    notices += chosen
    splits = {"train": train}
    for name, file, rows in (("val", val, slice(val_from, test_from)), ("test", test, slice(test_from, count))):
        if file is not None:
            splits[name] = read_series(locate(file), form, skip_bad_rows=skip_bad_rows)
            notices += splits[name].notices
        elif rows.start < rows.stop:
            splits[name] = whole.part(slice(max(0, rows.start - window), rows.stop))
    cut = {name: windows(series, window=window, horizon=horizon, step=step) for name, series in splits.items()}
    for name, found in cut.items():
        if not len(found):
            raise DataError(
                f"{path}: the {name} split has {plural(splits[name].num_rows, 'row')} and no whole window: a window of "
                f"{plural(window, 'row')} and a horizon of {horizon} need {window + horizon}. Use a smaller "
                "dataset.window, or another dataset.val_fraction or dataset.test_fraction."
            )
    return Source(
        "sequence",
        "regression",
        train=cut["train"],
        val=cut.get("val"),
        test=cut.get("test"),
        class_names=tuple(f"{name}+{ahead}" for ahead in range(1, horizon + 1) for name in form.target),
        encoder=SeriesEncoder(dataclasses.replace(form, window=window)),
        in_order=True,
        notices=notices,
        continues=tuple(form.columns.index(name) if name in form.columns else -1 for name in form.target),
        season=season,
    )


def _held_out(count: int, fraction: float, horizon: int) -> int:
    """How many of the latest rows are held out: the fraction, but enough for one forecast."""
    return max(round(count * fraction), horizon) if fraction else 0


def _choose(train: Series, window: int | None, season: int | None, horizon: int) -> tuple[int, int, tuple[str, ...]]:
    """Window and season, and notices about those that were not given."""
    notices: tuple[str, ...] = ()
    if season is None:
        season = find_season(train.targets, horizon=horizon)
        found = "none found" if season == 1 else plural(season, "row")
        notices += (f"dataset.season=auto: {found} in the training rows.",)
    if window is None:
        window = choose_window(train.num_rows, season=season, horizon=horizon)
        notices += (f"dataset.window=auto: {window} of {plural(train.num_rows, 'training row')}.",)
    if season > window:
        notices += (
            f"The window of {plural(window, 'row')} is shorter than the season of {season}: "
            "forecasts cannot repeat it.",
        )
    return window, season, notices
