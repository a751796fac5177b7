"""`dlrun report`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.report.plots.fonts import notice
from tests.sweep_folders import row, write_run, write_sweep

Dlrun = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sweep(own_folder: Path) -> Path:
    return write_sweep(own_folder / "s", [row(n, f"lr={10.0**-n}", accuracy=n / 10) for n in range(4)])


def test_the_page_of_a_sweep_is_in_its_folder_and_may_be_made_again(sweep: Path, dlrun: Dlrun) -> None:
    for _ in range(2):
        assert dlrun("report", "s") == (0, "s/report.html\n", "")
    text = (sweep / "report.html").read_text(encoding="utf-8")
    assert "<title>Sweep s</title>" in text
    assert "Best: point 3" in text


def test_pictures(sweep: Path, dlrun: Dlrun) -> None:
    assert dlrun("report", "s", "-o", "all.png") == (0, "all.png\n", "")
    code, out, _ = dlrun("report", "s", "-o", "plots")
    assert code == 0
    assert out.split()[0] == "plots/parallel.png"
    assert sorted(out.split()) == sorted(str(path) for path in Path("plots").iterdir())
    assert all(Path(name).read_bytes().startswith(b"\x89PNG") for name in ["all.png", *out.split()])


def test_characters_that_no_font_has_are_told_once(sweep: Path, dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.report.plots.fonts.installed", lambda: iter(()))
    sweep.rename("猫")
    assert dlrun("report", "猫", "-o", "all.png", "--quiet") == (0, "all.png\n", "")
    code, out, err = dlrun("report", "猫", "-o", "all.png")
    assert (code, out) == (0, "all.png\n")
    assert err == f"notice: {notice({'猫'})}\n"


def test_the_page_of_a_run(own_folder: Path, dlrun: Dlrun) -> None:
    write_run(own_folder / "r")
    code, out, err = dlrun("report", "r", "-o", "deep/r.html")
    assert (code, out) == (0, "deep/r.html\n")
    assert err.startswith("notice: the page lacks what the model predicts: r/checkpoints")
    assert dlrun("report", "r", "-o", "deep/r.html", "-q") == (0, "deep/r.html\n", "")
    assert "<title>Run r</title>" in Path("deep/r.html").read_text(encoding="utf-8")
    code, _, err = dlrun("report", "r", "-o", "r.png")
    assert code == 2
    assert "Pictures are drawn of a sweep; the report of a run is a page: -o FILE.html" in err


def test_the_page_of_a_run_on_another_split_without_rows(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    run = short_run("r")
    assert dlrun("report", "r") == (0, "r/report.html\n", "")
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "30 test rows, " in text
    assert "sepal_<wbr>length_<wbr>cm" in text
    assert dlrun("report", "r", "--split", "val", "--no-rows") == (0, "r/report.html\n", "")
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "12 val rows, " in text
    assert "sepal_" not in text
    assert "rows of the data are left out, as asked for (--no-rows)" in text


def test_data_that_has_moved_is_named(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    Path("a.csv").write_text("x,y\n" + "".join(f"{n},{n * 2}\n" for n in range(60)))
    run = short_run("r", "dataset=table", "dataset.path=a.csv", "dataset.target=y")
    Path("a.csv").rename("b.csv")
    code, _, err = dlrun("report", "r")
    assert code == 0
    assert "notice: the page lacks what the model predicts: " in err
    assert "What this page does not show" in (run / "report.html").read_text(encoding="utf-8")
    assert dlrun("report", "r", "dataset.path=b.csv") == (0, "r/report.html\n", "")
    assert "The largest errors" in (run / "report.html").read_text(encoding="utf-8")
    code, _, err = dlrun("report", "r", "dataset.pth=b.csv")
    assert code == 2
    assert 'Did you mean "dataset.path"?' in err


def test_a_plugin_that_is_missing_is_told_in_the_page(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    Path("own.py").write_text("from torch import nn\ndef own(spec, *, width: int = 4):\n    return nn.Linear(4, 3)\n")
    run = short_run("r", "--plugin", "own.py", "model=own")
    code, _, err = dlrun("report", "r")
    assert code == 0
    assert "This run used the plugin own.py: add --plugin FILE." in err
    assert "add --plugin FILE." in (run / "report.html").read_text(encoding="utf-8")
    assert dlrun("report", "r", "--plugin", "own.py") == (0, "r/report.html\n", "")


@pytest.mark.parametrize("words", [["seed=1"], ["--split", "val"], ["--no-rows"]])
def test_a_sweep_takes_nothing_that_is_for_a_run(sweep: Path, dlrun: Dlrun, words: list[str]) -> None:
    code, _, err = dlrun("report", "s", *words)
    assert code == 2
    assert "The report of a sweep reads results only; KEY=VALUE, --split and --no-rows are for that of a run." in err


def test_a_folder_with_neither_and_a_sweep_without_results(own_folder: Path, dlrun: Dlrun) -> None:
    code, _, err = dlrun("report", "nothing")
    assert code == 2
    assert "There is no such folder. `dlrun runs` lists runs." in err
    (own_folder / "nothing").mkdir()
    code, _, err = dlrun("report", "nothing")
    assert code == 2
    assert "There is no sweep and no run in this folder: it has neither sweep.jsonl nor config.yaml." in err
    write_sweep(own_folder / "s", [row(0, "a=1", accuracy=None)])
    code, _, err = dlrun("report", "s", "-o", "a.png")
    assert code == 2
    assert "There is nothing to draw: 1 point without a result to compare; " in err


def test_a_file_of_somebody_is_kept(sweep: Path, dlrun: Dlrun) -> None:
    (sweep / "report.html").write_text("mine")
    code, _, err = dlrun("report", "s")
    assert code == 2
    assert "The file exists, and no report wrote it; choose another name." in err


def test_torch_is_not_imported(sweep: Path) -> None:
    code = "import sys; from dlrun.cli.main import main; main(['report', 's']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False", done.stderr
