"""Series: windows by hand, no row of the future, forecasts in their own units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.source import Source
from dlrun.data.tables.series import Series, SeriesEncoder, read_series, series_format
from dlrun.data.tables.windows import series_source, windows
from dlrun.errors import ConfigError, DataError


def write(folder: Path, *lines: str, name: str = "x.csv") -> str:
    (folder / name).write_text("\n".join([*lines, ""]))
    return str(folder / name)


def rising(folder: Path, rows: int = 100, name: str = "x.csv") -> str:
    return write(folder, "t,a,b", *(f"{i},{i},{1000 + 10 * i}" for i in range(rows)), name=name)


def source(path: str, **fields: Any) -> Source:
    form_fields: dict[str, Any] = {
        name: fields.pop(name, default)
        for name, default in {
            "columns": ["a", "b"], "target": None, "time": "t", "delimiter": None, "encoding": "utf-8"
        }.items()
    }  # fmt: skip
    form, notices = series_format(Path(path), **form_fields)
    settings: dict[str, Any] = {
        "window": 3, "season": 1, "val": None, "test": None, "val_fraction": 0.1, "test_fraction": 0.2, "horizon": 2,
        "step": 1, "skip_bad_rows": False, **fields,
    }  # fmt: skip
    return series_source(path, form, notices=notices, **settings)


def bundle(path: str, **fields: Any) -> DataBundle:
    return prepare("series", source(path, **fields), DatasetSettings(standardise_target=True))


def test_a_limit_applies_to_the_windows_of_every_split(tmp_path: Path) -> None:
    data = prepare("series", source(rising(tmp_path)), DatasetSettings(limit=3))
    assert data.sizes == {"train": 3, "val": 3, "test": 3}
    assert bundle(rising(tmp_path)).sizes == {"train": 68, "val": 7, "test": 19}  # each but the last row of a split


def test_a_file_between_semicolons_may_have_decimal_commas_and_german_dates(tmp_path: Path) -> None:
    rows = [f"{i % 28 + 1:02d}.{i // 28 + 1:02d}.2026;{i},25;-1.000,5;x" for i in range(60)]
    path = write(tmp_path, "t;a;b;c", *rows)
    form, notices = series_format(
        Path(path), columns=None, target="a", time="t", delimiter="auto", encoding="utf-8"
    )  # fmt: skip
    assert (form.columns, notices) == (["a", "b"], (f"{path}: columns ignored, not numbers: c.",))
    series = read_series(Path(path), form, skip_bad_rows=False)
    assert series.inputs[:2].tolist() == [[0.25, -1000.5], [1.25, -1000.5]]
    assert series.last_time == "04.03.2026"


def test_windows_by_hand() -> None:
    series = Series(torch.arange(7.0).unsqueeze(1), 10 * torch.arange(7.0).unsqueeze(1), list("abcdefg"))
    rows = windows(series, window=3, horizon=2, step=1)
    assert rows.in_memory()[:, :, 0].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert rows.targets.tolist() == [[30, 40], [40, 50], [50, 60]]
    assert windows(series, window=3, horizon=2, step=2).targets.tolist() == [[30, 40], [50, 60]]
    assert len(windows(series, window=6, horizon=2, step=1).inputs) == 0


def test_targets_of_several_columns_are_ordered_by_time(tmp_path: Path) -> None:
    found = source(rising(tmp_path))
    assert found.train.targets[0].tolist() == [3, 1030, 4, 1040]
    assert list(found.class_names) == ["a+1", "b+1", "a+2", "b+2"]


@pytest.mark.parametrize("step", [1, 3])
def test_no_row_is_forecast_in_two_splits_and_none_is_seen_before_its_time(tmp_path: Path, step: int) -> None:
    found = source(rising(tmp_path), columns=["a"], step=step)  # the value of a row is its index
    assert found.val is not None
    assert found.test is not None
    assert max(found.train.inputs.max(), found.train.targets.max()) <= 71
    assert (found.val.inputs.min(), found.val.targets.min()) == (69, 72), "a window begins in the split before"
    assert max(found.val.inputs.max(), found.val.targets.max()) <= 79
    assert (found.test.inputs.min(), found.test.targets.min()) == (77, 80)
    assert found.train.targets.max() < found.val.targets[:, 0].min(), "no training row is later than a forecast"
    for rows in found.splits.values():
        assert (rows.in_memory().amax(dim=(1, 2)) < rows.targets.amin(dim=1)).all()


def test_scaling_is_fitted_on_training_rows_alone_for_each_output(tmp_path: Path) -> None:
    data = bundle(rising(tmp_path), target="b", horizon=2)
    inputs = torch.stack([torch.arange(i, i + 3, dtype=torch.float64) for i in range(68)])
    assert data.spec.scaling is not None
    assert data.spec.scaling.mean == pytest.approx((inputs.mean().item(), 1000 + 10 * inputs.mean().item()))
    first = 1030 + 10 * torch.arange(68, dtype=torch.float64)
    assert data.spec.target_mean == pytest.approx((first.mean().item(), first.mean().item() + 10))
    assert data.val is not None
    raw = data.spec.target_scaling.raw(data.val.targets)
    assert torch.allclose(raw, torch.tensor([[1720.0 + 10 * i, 1730 + 10 * i] for i in range(7)]).double())
    again = type(data.spec).restored(json.loads(json.dumps(data.spec.state())))
    assert again == data.spec


def test_a_split_that_is_held_out_has_enough_rows_for_one_forecast(tmp_path: Path) -> None:
    found = source(rising(tmp_path), columns=["a"], horizon=30)
    assert {name: len(rows) for name, rows in found.splits.items()} == {"train": 8, "val": 1, "test": 1}
    assert found.test is not None
    assert found.test.targets.tolist() == [list(range(70, 100))]
    assert set(source(rising(tmp_path), val_fraction=0.0, test_fraction=0.0).splits) == {"train"}


def test_window_and_season_are_found_in_the_training_rows_and_told(tmp_path: Path) -> None:
    lines = [f"{i},{(0, 3, 1, 7, 2)[i % 5]}" for i in range(100)]
    found = source(write(tmp_path, "t,a", *lines), columns=["a"], window=None, season=None)
    assert found.notices == (
        "dataset.season=auto: 5 rows in the training rows.",
        "dataset.window=auto: 10 of 72 training rows.",
    )
    assert found.season == 5
    assert found.train.inputs.shape[1:] == (10, 1)
    assert found.encoder is not None
    assert found.encoder.state()["window"] == 10
    flat = source(write(tmp_path, "t,a", *(f"{i},1" for i in range(100))), columns=["a"], window=None, season=None)
    assert flat.notices[0] == "dataset.season=auto: none found in the training rows."
    assert source(rising(tmp_path), window=3, season=4).notices == (
        "The window of 3 rows is shorter than the season of 4: forecasts cannot repeat it.",
    )


def test_a_forecast_knows_which_input_each_target_continues(tmp_path: Path) -> None:
    assert source(rising(tmp_path)).continues == (0, 1)
    assert source(rising(tmp_path), target=["b"], columns=["a"]).continues == (-1,)
    assert bundle(rising(tmp_path), target=["b", "a"], season=7).spec.continues == (1, 0)
    assert bundle(rising(tmp_path), target=["b", "a"], season=7).spec.season == 7


def test_val_and_test_files_replace_the_fractions(tmp_path: Path) -> None:
    other = rising(tmp_path, 10, name="other.csv")
    found = source(rising(tmp_path), val=other, test=other)
    assert len(found.train.inputs) == 96
    assert found.val is not None
    assert len(found.val.targets) == 6


def test_columns_of_numbers_are_found_and_others_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "day,place,a", "2024-01-01,x,1", "2024-01-02,y,2")
    form, notices = series_format(Path(path), columns=None, target=None, time="day", delimiter=None, encoding="utf-8")
    assert (form.columns, form.target) == (["a"], ["a"])
    assert notices == (f"{path}: columns ignored, not numbers: place.",)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("t,a,b", "1,1,x"), r'line 2, column "b": expected a finite number, got "x"\.'),
        (("t,a,b", "1,1,1", "2,,1"), r'line 3, column "a": expected a finite number, got nothing\.'),
        (("t,a,b", "1,1,inf"), r'column "b": expected a finite number, got "inf"\.'),
        (("t,a,b", "1,1,nan"), r'column "b": expected a finite number, got "nan"\.'),
        (("t,a,b", "2,1,1", "2,1,1"), r'line 3, column "t": 2 comes after 2; expected times that increase'),
        (("t,a,b", "2024-01-02,1,1", "2024-01-01,1,1"), r"2024-01-01 comes after 2024-01-02"),
        (
            ("t,a,b", "noon,1,1"),
            r'column "t": expected a number or a date such as 2026-01-31 or 2026-01-31 12:30, got "noon"',
        ),
        (("t,a,b", *(f"{i},1,1" for i in range(6))), r"the train split has 2 rows and no whole window: .* need 5\."),
        (("t,a", "1,1"), r'there is no column "b"'),
    ],
)
def test_data_that_a_model_cannot_be_trained_on_is_reported(
    lines: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        source(write(tmp_path, *lines), target=["a"])


def test_missing_columns_are_reported(tmp_path: Path) -> None:
    path = rising(tmp_path)
    with pytest.raises(DataError, match=r'no column "c" \(dataset.target\)'):
        source(path, target="c")
    with pytest.raises(ConfigError, match="one or more columns of inputs and to forecast"):
        source(path, columns=[])
    with pytest.raises(DataError, match=r"no column has numbers; the columns are t, a"):
        source(write(tmp_path, "t,a", "x,y"), columns=None)


def test_windows_with_a_bad_row_are_skipped_on_request(tmp_path: Path) -> None:
    lines = [f"{i},{'?' if i == 10 else i},{i}" for i in range(100)]
    found = source(write(tmp_path, "t,a,b", *lines), skip_bad_rows=True)
    assert len(found.train.inputs) == 68 - 5
    assert not (found.train.inputs == 10).any()
    assert not (found.train.targets == 10).any()
    assert found.notices[0] == (
        f"{tmp_path}/x.csv: 1 bad row skipped (dataset.on_bad_row=skip):\n"
        '  line 12, column "a": expected a finite number, got "?".'
    )


def test_windows_with_a_row_of_another_width_are_skipped_on_request(tmp_path: Path) -> None:
    lines = [f"{i},{i},{i}" if i != 10 else "10,10" for i in range(100)]
    with pytest.raises(DataError, match=r"line 12: expected 3 columns, got 2; is a delimiter or a quote missing\?"):
        source(write(tmp_path, "t,a,b", *lines))
    found = source(write(tmp_path, "t,a,b", *lines), skip_bad_rows=True)
    assert len(found.train.inputs) == 68 - 5
    assert not (found.train.inputs == 10).any()
    assert "1 bad row skipped (dataset.on_bad_row=skip):\n  line 12: expected 3 columns" in found.notices[0]


def test_a_forecast_reads_the_last_window_of_a_new_file(tmp_path: Path) -> None:
    encoder = source(rising(tmp_path), target="b", columns=["a"]).encoder
    assert encoder is not None
    again = SeriesEncoder.restored(json.loads(json.dumps(encoder.state())))
    encoded = again.encode(Path(write(tmp_path, "t,a", "5,1", "6,2", "7,3", "8,4", name="new.csv")))
    assert encoded.inputs.tolist() == [[[2], [3], [4]]]
    assert encoded.columns == {"after": ["8"]}
    with pytest.raises(DataError, match=r"short.csv: expected at least 3 rows .*, got 2"):
        again.encode(Path(write(tmp_path, "t,a", "5,1", "6,2", name="short.csv")))


def test_the_last_window_has_the_latest_times_and_no_bad_row(tmp_path: Path) -> None:
    encoder = source(rising(tmp_path), target="b", columns=["a"]).encoder
    assert isinstance(encoder, SeriesEncoder)
    assert encoder.targets == ["b"]
    assert encoder.has_times
    path = Path(write(tmp_path, "t,a", "5,1", "6,x", "7,3", "8,4", "9,5", name="new.csv"))
    last = encoder.last_window(path, skip_bad_rows=True)
    assert last.inputs.tolist() == [[[3], [4], [5]]]
    assert (last.last_time, last.times) == ("9", ("5", "6", "7", "8", "9"))
    path.write_text("t,a\n5,1\n6,2\n7,x\n8,4\n")
    with pytest.raises(
        DataError, match=r"the forecast starts from the last 3 rows, of which one is bad and cannot be skipped"
    ):
        encoder.last_window(path, skip_bad_rows=True)


def test_checkpoints_without_the_fields_of_forecasts_are_read(tmp_path: Path) -> None:
    state = bundle(rising(tmp_path), season=7).spec.state()
    old = type(bundle(rising(tmp_path)).spec).restored(
        {name: value for name, value in state.items() if name not in ("continues", "season")}
    )
    assert (old.continues, old.season) == ((), 1)
    written = {
        "columns": ["a"], "target": ["b"], "time": "t", "window": 3, "delimiter": None, "encoding": "utf-8"
    }  # fmt: skip
    assert SeriesEncoder.restored(written).state() == written


def test_without_a_column_of_times_rows_are_counted(tmp_path: Path) -> None:
    form, _ = series_format(
        Path(rising(tmp_path, 3)), columns=["a"], target=None, time=None, delimiter=None, encoding="utf-8"
    )
    assert read_series(tmp_path / "x.csv", form, skip_bad_rows=False).last_time == "3"
