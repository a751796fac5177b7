"""From a series to a Source: split in the order of time, and cut into windows with the rows to forecast."""

from __future__ import annotations

import torch

from dlrun.data.files.paths import locate
from dlrun.data.source import Rows, Source
from dlrun.data.tables.series import Series, SeriesEncoder, SeriesFormat, read_series
from dlrun.errors import DataError


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

    No window has inputs or targets from the rows of another split.
    Raises DataError for a split that is too short for one window.
    """
    whole = read_series(locate(path), form, skip_bad_rows=skip_bad_rows)
    notices += whole.notices
    count = whole.num_rows
    test_from = count if test else count - round(count * test_fraction)
    val_from = test_from if val else test_from - round(test_from * val_fraction)
    splits = {"train": whole.part(slice(0, val_from))}
    for name, file, rows in (("val", val, slice(val_from, test_from)), ("test", test, slice(test_from, count))):
        if file is not None:
            splits[name] = read_series(locate(file), form, skip_bad_rows=skip_bad_rows)
            notices += splits[name].notices
        elif rows.start < rows.stop:
            splits[name] = whole.part(rows)
    cut = {}
    for name, series in splits.items():
        cut[name] = windows(series, window=form.window, horizon=horizon, step=step)
        if not len(cut[name]):
            raise DataError(
                f"{path}: the {name} split has {series.num_rows} rows and no whole window: a window of "
                f"{form.window} rows and a horizon of {horizon} need {form.window + horizon}. Use a smaller "
                "dataset.window, or another dataset.val_fraction or dataset.test_fraction."
            )
    return Source(
        "sequence",
        "regression",
        train=cut["train"],
        val=cut.get("val"),
        test=cut.get("test"),
        class_names=tuple(f"{name}+{ahead}" for ahead in range(1, horizon + 1) for name in form.target),
        encoder=SeriesEncoder(form),
        in_order=True,
        notices=notices,
    )
