"""The points of a sweep's folder, of which nothing is trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.sweeps.saved import points
from dlrun.runs.sweeps.saved.points import read_points
from tests.sweep_folders import row, write_sweep


def test_a_row_becomes_a_point_with_its_settings_metrics_and_folder(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "s", [row(3, "model=mlp", "optimizer.lr=0.1", accuracy=0.75)])
    (point,) = read_points(folder).points
    assert (point.number, point.settings) == (3, {"model": "mlp", "optimizer.lr": "0.1"})
    assert point.metrics == {"val/accuracy": 0.75, "test/accuracy": 0.375}
    assert (point.best_metric, point.higher_is_better, point.is_completed) == ("val/accuracy", True, True)
    assert (point.seconds, point.parameters, point.folder) == (4.0, 400.0, folder / "3")


def test_the_newest_row_of_a_point_counts_and_points_are_in_order(tmp_path: Path) -> None:
    rows = [row(1, "a=1"), row(0, "a=0", accuracy=None), row(0, "a=0", accuracy=0.9)]
    found = read_points(write_sweep(tmp_path, rows)).points
    assert [(point.number, point.status) for point in found] == [(0, "completed"), (1, "completed")]


def test_an_override_that_was_split_at_its_spaces_is_one_again(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path, [row(0, "model.hidden=[8,", "4]", "+x=1")])
    assert read_points(folder).points[0].settings == {"model.hidden": "[8, 4]", "x": "1"}


def test_lines_that_are_no_rows_are_counted(tmp_path: Path) -> None:
    write_sweep(tmp_path, [row(0, "a=1")])
    bad = ["[1]", "{", '{"point": true, "overrides": [], "status": "completed"}', '{"point": -1}', "[" * 100_000,
           '{"point": 5, "overrides": "a=1", "status": "completed"}', '{"point": 1e999}']  # fmt: skip
    with (tmp_path / "sweep.jsonl").open("a") as stream:
        stream.write("\n".join(bad))
    found = read_points(tmp_path)
    assert [point.number for point in found.points] == [0]
    assert found.notices == ["7 lines of sweep.jsonl cannot be read"]


def test_values_of_other_kinds_are_left_out(tmp_path: Path) -> None:
    odd = row(0, "a=1", metrics={"val/loss": "x", "val/auc": float("inf"), "val/f1": 0.5, "val/big": 10**400},
              best={"metric": 7, "value": []}, seconds="long", parameters=True, error=["x"])  # fmt: skip
    (point,) = read_points(write_sweep(tmp_path, [odd])).points
    assert point.metrics == {"val/f1": 0.5}
    assert (point.best_metric, point.seconds, point.parameters, point.error) == (None, None, None, "")


def test_points_without_a_row_and_beyond_the_limit_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "MOST_POINTS", 2)
    write_sweep(tmp_path, [row(number, "a=1") for number in range(4)])
    found = read_points(tmp_path)
    assert [point.number for point in found.points] == [0, 1]
    assert found.notices == [
        "2 rows beyond the first 2 points left out",
        "2 points have a folder but no result: not ended yet, or killed",
    ]


@pytest.mark.parametrize("run_dir", ["/etc", "..", "", "a\0b", 7, "x" * 5000])
def test_only_a_folder_within_the_sweep_is_read(tmp_path: Path, run_dir: object) -> None:
    write_sweep(tmp_path, [row(0, "a=1", run_dir=run_dir)])
    assert read_points(tmp_path).points[0].folder == tmp_path / "0"


def test_a_link_in_place_of_a_points_folder_is_not_followed_nor_one_of_a_point_taken_over(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "s", [row(0, "a=1"), row(1, "a=2", reused="/other/1")])
    (folder / "0").rename(tmp_path / "outside")
    (folder / "0").symlink_to(tmp_path / "outside")
    assert [(point.folder, point.reused) for point in read_points(folder).points] == [(None, False), (None, True)]


def test_a_suffixed_folder_is_found_by_its_name(tmp_path: Path) -> None:
    write_sweep(tmp_path, [row(0, "a=1", run_dir="/moved/from/0_2")])
    (tmp_path / "0").rename(tmp_path / "0_2")
    assert read_points(tmp_path).points[0].folder == tmp_path / "0_2"


def test_a_folder_without_a_sweep_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no sweep in this folder: it has no sweep\.jsonl"):
        read_points(tmp_path)
    (tmp_path / "sweep.jsonl").symlink_to("/etc/hostname")
    with pytest.raises(ConfigError, match="no sweep in this folder"):
        read_points(tmp_path)


def test_a_sweep_file_that_is_too_large_is_an_error(tmp_path: Path) -> None:
    with (tmp_path / "sweep.jsonl").open("wb") as stream:
        os.truncate(stream.fileno(), (256 << 20) + 1)
    with pytest.raises(ConfigError, match=r"sweep\.jsonl\n      It cannot be read \(it has 268,435,457 bytes"):
        read_points(tmp_path)


def test_texts_and_counts_are_bounded(tmp_path: Path) -> None:
    many = row(0, *(f"k{number}={'x' * 9000}" for number in range(300)), metrics={f"m{n}": 1.0 for n in range(999)})
    (point,) = read_points(write_sweep(tmp_path, [many])).points
    assert len(point.settings) == 100
    assert len(point.settings["k0"]) == 2000 - len("k0=")
    assert len(point.metrics) == 201  # and the best one
