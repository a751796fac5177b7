"""The page of a run."""

from __future__ import annotations

import json
from pathlib import Path

from dlrun.report.pages.run_page import run_page
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
