"""`dlrun predict RUN_DIR --future`: the rows after the last one, with an interval that covers what it says."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dlrun.cli.saved_run import compose_run
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.source import Encoded
from dlrun.runs.forecast_errors import read_errors
from dlrun.runs.loaded_run import load_run
from dlrun.runs.predict import model_outputs
from dlrun.tasks.task import SupervisedTask

Dlrun = Callable[..., tuple[int, str, str]]
WORDS = (
    "dataset=series", "dataset.path=series.csv", "dataset.horizon=3", "model=forecast", "trainer.epochs=2",
    "device=cpu", "device.threads=1", "hydra.run.dir=run", "-q",
)  # fmt: skip


def autoregressive(rows: int, *, seed: int = 0) -> Tensor:
    """Values that remember 0.8 of the one before, around 100."""
    noise = torch.randn(rows, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).tolist()
    values = [0.0]
    for each in noise:
        values.append(0.8 * values[-1] + each)
    return 100 + torch.tensor(values[1:], dtype=torch.float64)


def write(values: Tensor, name: str = "series.csv", *, columns: str = "day,load", every: int = 1) -> None:
    days = [date(2024, 1, 1) + timedelta(days=every * number) for number in range(len(values))]
    rows = "".join(
        f"{day},{','.join([str(value)] * columns.count(','))}\n"
        for day, value in zip(days, values.tolist(), strict=True)
    )
    Path(name).write_text(f"{columns}\n{rows}")


@pytest.fixture
def run(dlrun: Dlrun) -> str:
    """A run of a series of 300 days."""
    write(autoregressive(300))
    code, _, err = dlrun(*WORDS, "dataset.time=day")
    assert code == 0, err
    return "run"


def test_steps_times_and_an_interval_follow_the_last_row(run: str, dlrun: Dlrun) -> None:
    code, out, err = dlrun("predict", run, "--future")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(out.splitlines()))
    assert [list(row)[:2] + list(row)[2:] for row in rows] == [["step", "time", "load", "load_low", "load_high"]] * 3
    assert [(row["step"], row["time"]) for row in rows] == [
        ("1", "2024-10-27"),
        ("2", "2024-10-28"),
        ("3", "2024-10-29"),
    ]
    _, plain, _ = dlrun("predict", run, "series.csv")
    (same,) = csv.DictReader(plain.splitlines())
    assert [float(row["load"]) for row in rows] == [float(same[f"load+{ahead}"]) for ahead in (1, 2, 3)]
    errors = read_errors(Path(run))
    assert errors is not None
    half = errors.half_widths(0.9)[0].tolist()
    assert [float(row["load_high"]) - float(row["load"]) for row in rows] == pytest.approx(half)
    assert [float(row["load"]) - float(row["load_low"]) for row in rows] == pytest.approx(half)


def test_the_interval_covers_what_it_says_on_rows_of_the_future(dlrun: Dlrun) -> None:
    values = autoregressive(5000)
    write(values[:2000])
    assert dlrun(*WORDS)[0] == 0
    catalog = Catalog()
    loaded = load_run(compose_run(Path("run"), [], catalog).config, catalog, Path("run"))
    assert isinstance(loaded.task, SupervisedTask)
    errors = read_errors(Path("run"))
    assert errors is not None
    window = loaded.spec.shape[0]
    starts = range(2000 - window, 5000 - window - 3)
    inputs = torch.stack([values[start : start + window] for start in starts]).float().unsqueeze(2)  # -> (N, T, 1)
    future = torch.stack([values[start + window : start + window + 3] for start in starts])  # (N, 3)
    missed = (loaded.spec.target_scaling.raw(model_outputs(loaded, loaded.task, Encoded(inputs))) - future).abs()
    for level, tolerance in ((0.9, 0.03), (0.5, 0.05)):
        half, covered = errors.half_widths(level)
        assert covered == level
        inside = (missed <= half).double().mean(dim=0)
        assert inside.tolist() == pytest.approx([level] * 3, abs=tolerance)


def test_a_higher_level_is_a_wider_interval(run: str, dlrun: Dlrun) -> None:
    widths = []
    for level in ("0.5", "0.9"):
        rows = json.loads(dlrun("predict", run, "--future", "--interval", level, "--json")[1])
        widths.append(rows[0]["load_high"] - rows[0]["load_low"])
    assert 0 < widths[0] < widths[1]


def test_a_file_of_newer_rows_moves_the_forecast_on_and_the_training_file_is_not_needed(run: str, dlrun: Dlrun) -> None:
    Path("series.csv").rename("moved.csv")
    code, out, err = dlrun("predict", run, "--future")
    assert (code, out) == (3, "")
    assert "series.csv: there is no such file." in err
    assert (
        "This is the file that the run was trained on; name another with `dlrun predict RUN_DIR FILE --future`." in err
    )
    write(autoregressive(310), "newer.csv")
    assert dlrun("predict", run, "newer.csv", "--future", "-o", "out.csv")[2] == "3 predictions in out.csv\n"
    assert [row["time"] for row in csv.DictReader(Path("out.csv").read_text().splitlines())] == [
        "2024-11-06",
        "2024-11-07",
        "2024-11-08",
    ]


def test_without_times_or_with_irregular_ones_there_is_no_time(run: str, dlrun: Dlrun) -> None:
    text = Path("series.csv").read_text().replace("2024-10-26", "2024-12-24")
    Path("series.csv").write_text(text)
    _, out, err = dlrun("predict", run, "--future")
    assert out.splitlines()[0] == "step,load,load_low,load_high"
    assert err == "notice: the times of the file are not regular, so that those of the forecast are left out.\n"
    write(autoregressive(300))
    assert dlrun(*WORDS[:-2], "hydra.run.dir=untimed", "-q")[0] == 0
    assert dlrun("predict", "untimed", "--future")[1:] == (out, "")


def test_several_targets_have_columns_of_their_own_also_one_called_step(dlrun: Dlrun) -> None:
    write(autoregressive(200), columns="day,load,step")
    assert dlrun(*WORDS, "dataset.target=[load,step]")[0] == 0
    (first, *_) = json.loads(dlrun("predict", "run", "--future", "--json")[1])
    names = [f"{name}_forecast{end}" for name in ("load", "step") for end in ("", "_low", "_high")]
    assert list(first) == ["step", *names]
    assert first["load_forecast"] == pytest.approx(first["step_forecast"], abs=1)


def test_too_few_held_out_windows_are_said(dlrun: Dlrun) -> None:
    write(autoregressive(30))
    assert dlrun(*WORDS)[0] == 0
    _, out, err = dlrun("predict", "run", "--future")
    assert "load_low" in out
    assert err == (
        "notice: 5 held-out windows: too few for an interval of 90%. It goes as far as the largest error, which covers "
        "about 83%.\n"
    )


def test_without_errors_on_held_out_windows_there_is_no_interval(run: str, dlrun: Dlrun) -> None:
    write(autoregressive(300))
    words = ("dataset.val_fraction=0", "dataset.test_fraction=0")
    assert dlrun(*WORDS[:-2], *words, "hydra.run.dir=all", "-q")[0] == 0
    assert not Path("all/forecast.json").exists()
    code, out, err = dlrun("predict", "all", "--future")
    assert (code, out.splitlines()[0]) == (0, "step,load")
    assert "no interval: this run has no errors on held-out windows. It held out no rows, was written by an" in err
    stored = json.loads(Path(run, "forecast.json").read_text())
    Path(run, "forecast.json").write_text(json.dumps({**stored, "step": 1}))
    _, out, err = dlrun("predict", run, "--future")
    assert out.splitlines()[0] == "step,time,load"
    assert "no interval: the stored errors are not those of the best checkpoint. `dlrun resume run` stores them" in err
    assert dlrun("resume", run, "-q")[0] == 0
    assert dlrun("predict", run, "--future")[1].splitlines()[0] == "step,time,load,load_low,load_high"


def test_training_goes_on_and_the_interval_follows(run: str, dlrun: Dlrun) -> None:
    before = json.loads(Path(run, "forecast.json").read_text())
    assert dlrun("resume", run, "trainer.epochs=6", "metric=loss", "-q")[0] == 0  # another metric: another best
    after = json.loads(Path(run, "forecast.json").read_text())
    assert after["step"] > before["step"]
    assert dlrun("predict", run, "--future")[2] == ""


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("iris", "--future"), 2, "Only a run of dataset=series has a future; this one is of dataset=iris."),
        (("run", "none.csv", "--future"), 3, "none.csv: there is no such file."),
        (
            ("run", "short.csv", "--future"),
            3,
            "short.csv: expected at least 24 rows (the window of a forecast), got 2.",
        ),
        (("run", "series.csv", "--future", "-o", "series.csv"), 2, "This is the input; choose another file"),
        (("run", "--future", "--top", "3"), 2, "It cannot be combined with --top."),
        (("run", "--future", "--probabilities"), 2, "It cannot be combined with --probabilities."),
        (("run", "--future", "--prompt", "x"), 2, "It cannot be combined with --future."),
        (("run", "--future", "--json", "-o", "x.csv"), 2, "It cannot be combined with --json."),
        (("run", "--future", "--interval", "1"), 2, "Expected a number from 0.01 to 0.999."),
        (("run", "series.csv", "--interval", "0.5"), 2, "It has a meaning only together with --future."),
        (("run", "a.csv", "b.csv", "--future"), 2, "b.csv"),
    ],
)
def test_what_has_no_future_is_an_error(
    run: str, short_run: Callable[..., Path], words: tuple[str, ...], code: int, message: str, dlrun: Dlrun
) -> None:
    short_run("iris")
    write(autoregressive(2), "short.csv")
    found, out, err = dlrun("predict", *words)
    assert (found, out) == (code, "")
    assert message in err
