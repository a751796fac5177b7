"""What is printed of a sweep's importance."""

from __future__ import annotations

from collections import Counter

import pytest

from dlrun.report.sweeps.importance_table import comparison_state, explanations, print_comparison
from dlrun.runs.sweeps.comparing import Part, SweepComparison
from dlrun.runs.sweeps.importance import Effect, Importance, Level
from dlrun.runs.sweeps.ranking import Ranking

LEVELS = (Level("0.01", 0.9, 10), Level("0.1", 0.5, 10))
LR = Effect(("optimizer.lr",), 0.62, 0.0004, LEVELS, 0.4, 0.05)
MODEL = Effect(("model",), 0.0, 0.7, (Level("mlp", 0.7, 10), Level("linear", 0.69, 10)), 0.01, 0.05)
UNKNOWN = Effect(("model",), None, None, LEVELS, 0.4, None)
SEED = Effect(("seed",), 0.03, 0.2, LEVELS, 0.1, 0.05)


def part(*effects: Effect, count: int = 20, higher: bool | None = True, **further: object) -> Part:
    found = Importance("val/accuracy", count, Counter(), list(effects), **further)  # type: ignore[arg-type]
    return Part("iris", found, Ranking([]), higher)


def told(found: Part, *, is_biased: bool = False) -> str:
    return "\n".join(explanations(found, is_biased=is_biased))


def test_a_row_for_each_setting_and_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(SweepComparison([], [part(LR, MODEL, repeats=[SEED])], is_biased=False))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "what moved val/accuracy (20 completed points)"
    assert lines[2].split() == ["setting", "share", "p", "best", "worst", "difference"]
    assert lines[3].split() == [
        "optimizer.lr", "62%", "<0.001", "0.01", "(0.9000)", "0.1", "(0.5000)", "0.4000", "±", "0.0500",
    ]  # fmt: skip
    assert lines[4].split()[:3] == ["model", "0%", "0.70"]
    assert lines[5].split()[0] == "seed"
    assert lines[7] == "Moved the metric beyond noise (level 5%): optimizer.lr."
    assert lines[8].startswith("share: of the variance beyond what chance gives (epsilon squared). p: by permutations")


def test_two_datasets_have_a_title_each_and_no_direction_no_best(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(SweepComparison([], [part(LR), part(LR, higher=None)], is_biased=False))
    out = capsys.readouterr().out
    assert out.count("iris: what moved val/accuracy") == 2
    assert "highest" in out
    assert "No result says whether a higher value of this metric is better." in out


def test_noise_and_few_points_are_named() -> None:
    assert told(part(MODEL, count=30)).startswith("No setting moved the metric beyond noise (level 5%).")
    assert "; with 8 points only large effects would show." in told(part(MODEL, count=8))
    assert "Fewer than 4 points completed with a value" in told(part(count=3, obstacle="too few points"))
    assert "The metric has the same value at every point." in told(part(obstacle="equal values"))
    assert "No setting has several values to compare, apart from seeds." in told(part(obstacle="no settings"))
    line = told(part(UNKNOWN))
    assert "There are no more points than the settings have values" in line
    assert "add seed=0,1,2,3,4" in line
    assert "not to be told apart from them: model." in told(part(LR, UNKNOWN))


def test_what_else_a_reader_must_know() -> None:
    pair = Effect(("model", "optimizer.lr"), 0.23, 0.002)
    found = told(part(LR, interactions=[pair], skipped=["dataset.path"], uses_ranks=True, num_means=12), is_biased=True)
    assert "model and optimizer.lr act together (23% of the variance beyond both, p 0.002)" in found
    assert "nearly every point has another value: dataset.path." in found
    assert "One point makes most of the variance, so shares and p are of ranks." in found
    assert "In brackets: medians." in found
    assert "Analysed: 12 means over seeds, since settings are drawn from ranges." in found
    assert "search=tpe tried more points where it expected good ones" in found
    lost = part(LR)
    lost.importance.left_out.update({"diverged": 2, "pruned": 1})
    assert "Left out: 3 points (2 diverged, 1 pruned)." in told(lost)


def test_json_has_everything() -> None:
    pair = Effect(("model", "optimizer.lr"), 0.23, 0.002)
    state = comparison_state(
        SweepComparison([], [part(LR, UNKNOWN, interactions=[pair], repeats=[SEED])], is_biased=True)
    )
    (only,) = state["parts"]
    assert (state["points"], state["biased_search"], only["metric"], only["data"]) == (0, True, "val/accuracy", "iris")
    assert only["settings"][0] == {
        "key": "optimizer.lr", "share": 0.62, "p": 0.0004, "important": True, "best": 0.01, "worst": 0.1,
        "levels": [{"value": 0.01, "mean": 0.9, "points": 10}, {"value": 0.1, "mean": 0.5, "points": 10}],
        "difference": 0.4, "standard_error": 0.05,
    }  # fmt: skip
    assert only["settings"][1]["important"] is False
    assert only["interactions"] == [{"keys": ["model", "optimizer.lr"], "share": 0.23, "p": 0.002}]
    assert only["repeats"][0]["key"] == "seed"
