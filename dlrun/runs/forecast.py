"""The forecast of a series beyond its last row, with an interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.paths import check_file, locate
from dlrun.data.source import Encoded
from dlrun.data.tables.series import SeriesEncoder
from dlrun.data.tables.times import continue_times
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.runs.forecast_errors import read_errors
from dlrun.runs.loaded_run import LoadedRun, load_run
from dlrun.runs.predict import model_outputs
from dlrun.tasks.task import SupervisedTask
from dlrun.wording import plural, printable


def forecast(
    config: RunConfig,
    catalog: Catalog,
    folder: Path,
    source: Path | None,
    *,
    level: float,
    warn: Callable[[str], None],
) -> Mapping[str, list[Any]]:
    """Forecast the rows after the last one of a file, as {heading: column}, one entry per step ahead.

    source: None is the file that the run was trained on. level: the share that the interval should cover.
    warn: receives what the user should know: times or an interval that are left out, and why.
    Raises ConfigError if the run is of no series, and DataError if the file is missing or too short.
    """
    run = load_run(config, catalog, folder)
    encoder, task = run.encoder, run.task
    if not isinstance(encoder, SeriesEncoder) or not isinstance(task, SupervisedTask):
        what = f"Only a run of dataset=series has a future; this one is of dataset={config.dataset.name}."
        raise ConfigError(Problem("--future", what))
    last = encoder.last_window(_file(config, source), skip_bad_rows=config.dataset["on_bad_row"] == "skip")
    outputs = model_outputs(run, task, Encoded(last.inputs))
    values = run.spec.target_scaling.raw(outputs)[0]  # (1, K) -> (K,)
    targets = list(encoder.targets)
    horizon = len(values) // len(targets)
    columns: dict[str, list[Any]] = {"step": list(range(1, horizon + 1))}
    times = continue_times(last.times, horizon) if encoder.has_times else None
    if times is not None:
        columns["time"] = times
    elif encoder.has_times:
        warn("the times of the file are not regular, so that those of the forecast are left out.")
    half = _half_widths(run, folder, level=level, warn=warn)
    names = targets if not {"step", "time"} & set(targets) else [f"{name}_forecast" for name in targets]
    for number, name in enumerate(names):
        own = slice(number, None, len(targets))  # (H * J,) -> (H,)
        columns[name] = values[own].tolist()
        if half is not None:
            columns[f"{name}_low"] = (values - half)[own].tolist()
            columns[f"{name}_high"] = (values + half)[own].tolist()
    return columns


def _file(config: RunConfig, source: Path | None) -> Path:
    if source is not None:
        return check_file(source)
    try:
        return locate(config.dataset["path"])
    except DataError as error:
        what = "This is the file that the run was trained on; name another with `dlrun predict RUN_DIR FILE --future`."
        raise DataError(f"{error} {what}") from error


def _half_widths(run: LoadedRun, folder: Path, *, level: float, warn: Callable[[str], None]) -> Tensor | None:
    """Half the width of each output's interval, (K,); None without errors on held-out windows."""
    errors = read_errors(folder)
    again = f"`dlrun resume {printable(str(folder))}`"
    if errors is None:
        warn(
            "no interval: this run has no errors on held-out windows. It held out no rows, was written by an older "
            f"version, or is not finished ({again})."
        )
        return None
    if errors.step != run.step:
        warn(f"no interval: the stored errors are not those of the best checkpoint. {again} stores them again.")
        return None
    half, covered = errors.half_widths(level)
    if covered < level:
        warn(
            f"{plural(errors.windows, 'held-out window')}: too few for an interval of {level:.0%}. It goes as far as "
            f"the largest error, which covers about {covered:.0%}."
        )
    return half
