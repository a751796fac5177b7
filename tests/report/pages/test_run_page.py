"""The page of a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from dlrun.data.originals import Original
from dlrun.report.pages.run_page import run_page
from dlrun.runs.analysis.reports import (
    Bin,
    ClassCurves,
    ClassReport,
    Examined,
    Mistake,
    NumberReport,
    Sample,
    Token,
    TokenReport,
    Window,
)
from dlrun.runs.history import read_run
from tests.report.pages.test_sweep_page import EVIL, read
from tests.sweep_folders import RESULT, write_run


def test_the_page_has_result_baselines_curves_and_what_differs_from_the_defaults(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    baselines = [{"name": "largest class", "metrics": {"test/accuracy": 0.125}}, "odd", {"name": 1}]
    more = {"baselines": baselines, "notices": ["No better than it."], "seconds": {"total": 3.0}, "parameters": 1500}
    (run / "result.json").write_text(json.dumps({**RESULT, **more}))
    reader = read(run_page(read_run(run), title="Run a"))
    text = " ".join(reader.text.split())
    for part in (
        "Status: completed.",
        "Best: val/accuracy 0.5000 at epoch 2, step 8.",
        "It took 3.0 s, with 1,500 parameters.",
        "metric this run largest class val/accuracy 0.5000 - test/accuracy 0.2500 0.1250",
        "No better than it.",
        "Learning curves train val",
        "trainer.epochs 7",
        "torch 2.13.0",
    ):
        assert part in text, part
    assert reader.text.count("epoch") > 1


def test_an_unfinished_run_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (run / "result.json").unlink()
    (run / "metrics.jsonl").unlink()
    text = read(run_page(read_run(run), title="Run")).text
    assert "Status: unfinished." in text
    assert "There is no metrics.jsonl that can be read." in text
    assert "How to repeat it" in text
    (run / "metrics.jsonl").touch()
    assert "The run ended before its first metrics." in read(run_page(read_run(run), title="Run")).text


def test_hostile_values_are_text(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    evil = EVIL[0]
    best = {"metric": f"val/{evil}", "value": 1.0, "epoch": evil, "step": [evil]}
    more = {"status": evil, "error": evil, "best": best, "metrics": {evil: 1.0}, "notices": [evil], "parameters": evil}
    (run / "result.json").write_text(
        json.dumps({**RESULT, **more, "baselines": [{"name": evil, "metrics": {evil: evil}}]})
    )
    page = run_page(read_run(run), title=evil)
    assert page.count("<script") == 1
    assert f"Status: {evil}." in read(page).text


def examined(name: str, folder: Path) -> Examined:
    """Something of everything, each text being `name`."""
    line, pixels = [(0.0, 0.0), (1.0, 1.0)], np.zeros((4, 4), dtype=np.uint8)
    original = Original(name, text=name, cells={name: name}, image=folder / "a.png", sound=b"RIFF")
    mistake = Mistake(0, name, name, name, original, pixels, [Window(name, [1.0], [2.0], [3.0])])
    figures = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2.0}
    report = ClassReport(
        name, [name, f"{name}2"], np.ones((2, 2)), {name: figures}, [ClassCurves(f"{name}2", 0.5, 0.5, line, line)],
        [Bin(0.9, 0.5, 1.0)], 0.4, 4, 4, 2, True, [mistake],
    )  # fmt: skip
    return Examined(
        "test", 4, name, {name: name}, {name: 3}, [report],
        [NumberReport(name, np.ones((3, 2)), np.ones((3, 2)), 3, True)], [mistake],
        TokenReport([1.0, 2.0], [(1.0, [Token(name, 1.0)])], " "), [Sample(name, name)], True, True, [name], [name],
    )  # fmt: skip


def test_everything_that_was_found_is_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    page = run_page(read_run(run), examined("thing", tmp_path), title="Run")
    heads = [part.partition("<")[0] for part in page.split("<h2>")[1:]]
    assert heads == [
        "Result", "Learning curves", "Confusion matrix of thing", "Each class of thing",
        "ROC and precision-recall of thing", "Calibration of thing", "Residuals", "Residuals of thing",
        "Loss by place, and the worst windows", "Samples", "The worst mistakes of thing", "The largest errors",
        "Configuration that differs from the defaults", "Data", "Environment", "How to repeat it",
        "What this page does not show",
    ]  # fmt: skip
    assert (page.count("<img"), page.count("<audio")) == (2, 2)


def test_a_split_without_a_mistake_says_so(tmp_path: Path) -> None:
    found = examined("thing", tmp_path)
    found.classes = [ClassReport("", ["a", "b"], np.eye(2), {}, [], [], 0.0, 2, 2, 0, False, [])]
    assert "There is none: every test row is predicted rightly." in run_page(
        read_run(write_run(tmp_path)), found, title="Run"
    )


def test_hostile_names_of_everything_are_text(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    for evil in EVIL:
        page = run_page(read_run(run), examined(evil, tmp_path), title=evil)
        reader = read(page)
        assert reader.tags <= {
            "html", "head", "meta", "link", "title", "style", "body", "h1", "h2", "p", "section", "figure",
            "figcaption", "div", "svg", "path", "circle", "rect", "text", "ul", "li", "span", "table", "thead", "tbody",
            "tr", "th", "td", "wbr", "pre", "code", "script", "img", "audio", "blockquote", "b", "br",
            "details", "summary",
        }  # fmt: skip
        assert not {name for name in reader.attributes if name.startswith("on") or name in ("style", "id")}
        assert (page.count("<script"), page.count("<style"), page.count("<img")) == (1, 1, 2)
        assert page.count(' src="') == page.count(' src="data:') == 4
        assert b"\x1b" not in page.encode()


def test_pictures_and_sounds_stop_before_the_page_is_too_large(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    found = examined("thing", tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    found.mistakes = [Mistake(n, "a", "b", "", Original(sound=bytes(90_000)), noise) for n in range(40)]
    page = run_page(read_run(run), found, title="Run")
    assert 2_500_000 < len(page) < 5_000_000
    assert " of the pictures and sounds, to keep the page small" in page
    assert "pictures that cannot be read: a.png" in page


def test_of_very_many_metrics_some_have_a_plot(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    lines = [{"step": n, "epoch": n, **{f"val/m{k}": 0.1 * n for k in range(30)}} for n in (1, 2)]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    page = run_page(read_run(run), title="Run")
    assert "6 metrics without a plot." in page
    assert page.count('<svg viewBox="0 0 460') == 24
