"""Pictures: all plots in one, or one each."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from dlrun.report.plots.figures import draw_sweep
from dlrun.report.plots.picture import file_name, pictures, whole_picture
from dlrun.runs.sweeps.saved.sweep import read_sweep
from tests.sweep_folders import row, write_sweep


def test_a_picture_each_and_one_of_all(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path, [row(n, f"lr={10.0**-n}", accuracy=n / 10) for n in range(3)]))
    figures = draw_sweep(sweep)
    each = pictures(figures, sweep)
    assert list(each) == [
        "parallel.png",
        "val_accuracy_against_lr.png",
        "val_accuracy_against_seconds_of_training.png",
        "val_accuracy_against_parameters.png",
        "learning_val_accuracy.png",
        "learning_train_loss.png",
    ]
    sizes = [Image.open(io.BytesIO(content)).size for content in each.values()]
    whole = Image.open(io.BytesIO(whole_picture(figures, sweep, title="Sweep"))).size
    assert whole[0] >= max(width for width, _ in sizes)
    assert whole[1] > max(height for _, height in sizes)


def test_names_of_files_are_harmless_and_differ() -> None:
    assert file_name("../../etc/passwd", []) == "etc_passwd.png"
    assert file_name("val/a b", ["val_a_b.png"]) == "val_a_b_2.png"
    assert file_name("\u202e/..", []) == "figure.png"
    assert len(file_name("x" * 900, [])) == 84
