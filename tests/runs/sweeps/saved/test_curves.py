"""Learning curves: thinned, whole in their extremes, and of files that are no files of metrics."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path

from dlrun.runs.sweeps.saved.curves import Curve, read_curves
from tests.sweep_folders import write_run


def test_the_curves_of_a_run_have_every_metric_but_step_epoch_and_seconds(tmp_path: Path) -> None:
    curves = read_curves(write_run(tmp_path, evaluations=2))
    assert curves is not None
    assert set(curves.by_metric) == {"lr", "train/loss", "val/accuracy"}
    assert curves.by_metric["train/loss"].vertices() == [(1.0, 4.0, 1.0), (2.0, 8.0, 0.5)]
    assert not curves.is_sampled


def test_only_the_metrics_asked_for_are_kept(tmp_path: Path) -> None:
    curves = read_curves(write_run(tmp_path), only=["train/loss"])
    assert curves is not None
    assert list(curves.by_metric) == ["train/loss"]


def test_a_long_curve_keeps_its_ends_and_its_spike() -> None:
    curve = Curve(16)
    for step in range(10_001):
        curve.add(0.0, step, 50.0 if step == 5_003 else 0.0)
    vertices = curve.vertices()
    assert len(vertices) <= 18
    assert (vertices[0][1], vertices[-1][1]) == (0, 10_000)
    assert (0.0, 5_003, 50.0) in vertices
    fewer = curve.vertices(5)
    assert len(fewer) <= 5
    assert (fewer[0][1], fewer[-1][1]) == (0, 10_000)
    assert (0.0, 5_003, 50.0) in fewer


def test_a_short_curve_stays_as_it_is() -> None:
    curve = Curve(16)
    for step in range(3):
        curve.add(1.0, step, 0.5)
    assert curve.vertices() == [(1.0, 0, 0.5), (1.0, 1, 0.5), (1.0, 2, 0.5)]
    assert Curve().vertices() == []
    assert Curve().vertices(4) == []


def test_what_is_no_row_is_passed_over(tmp_path: Path) -> None:
    bad = ["[1]", "{", "[" * 90_000, '{"step": "x", "val/a": 1}', '{"val/a": 1}', '{"step": 3, "val/a": 0.75']
    odd = '{"step": 2, "epoch": null, "val/a": NaN, "val/b": [1], "val/c": true}'
    lines = ['{"step": 1, "val/a": 0.5}', odd, *bad]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    curves = read_curves(tmp_path)
    assert curves is not None
    assert {name: curve.vertices() for name, curve in curves.by_metric.items()} == {"val/a": [(0.0, 1.0, 0.5)]}


def test_links_pipes_and_missing_files_are_not_read(tmp_path: Path) -> None:
    real = write_run(tmp_path / "real")
    for name in ("link", "pipe", "folder", "none"):
        (tmp_path / name).mkdir()
    (tmp_path / "link/metrics.jsonl").symlink_to(real / "metrics.jsonl")
    os.mkfifo(tmp_path / "pipe/metrics.jsonl")
    (tmp_path / "folder/metrics.jsonl").mkdir()
    assert [read_curves(tmp_path / name) for name in ("link", "pipe", "folder", "none")] == [None] * 4


def test_of_a_file_that_is_too_long_pieces_are_read_from_start_to_end(tmp_path: Path) -> None:
    with (tmp_path / "metrics.jsonl").open("w") as stream:
        for step in range(100_000):
            stream.write(json.dumps({"step": step, "epoch": step // 1000, "val/loss": 1.0}) + "\n")
    curves = read_curves(tmp_path, most_bytes=1 << 18)
    assert curves is not None
    assert curves.is_sampled
    steps = [vertex[1] for vertex in curves.by_metric["val/loss"].vertices()]
    assert steps[0] == 0
    assert steps[-1] == 99_999
    assert max(after - before for before, after in itertools.pairwise(steps)) < 4_000


def test_every_evaluation_of_a_large_file_is_read_beside_some_of_the_steps(tmp_path: Path) -> None:
    with (tmp_path / "metrics.jsonl").open("w") as stream:
        for step in range(60_000):
            stream.write(json.dumps({"step": step, "train/loss": 0.123456789, "note": "x" * 60}) + "\n")
            if step % 1000 == 999:
                stream.write(json.dumps({"step": step, "val/loss": 0.5}) + "\n")
    curves = read_curves(tmp_path)
    assert curves is not None
    assert len(curves.by_metric["val/loss"].vertices()) == 60
    assert not curves.is_sampled


def test_a_run_with_very_many_metrics_and_an_endless_line_is_read_at_once(tmp_path: Path) -> None:
    row = {"step": 1, **{f"m{number}": 1.0 for number in range(500)}}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(row) + "\n" + "9" * (8 << 20))
    begin = time.process_time()
    curves = read_curves(tmp_path)
    assert curves is not None
    assert len(curves.by_metric) == 60
    assert time.process_time() - begin < 2
