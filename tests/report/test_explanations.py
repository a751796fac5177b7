"""Explanations and importances as text and JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dlrun.report.explanations import (
    as_json,
    explanations_state,
    importance_state,
    print_explanations,
    print_importance,
    signed,
    strongest,
    told,
)
from dlrun.runs.explain.attribution import Attribution, ColumnImportance, Explanation, Importance, Share

SHARES = [Share(f"c{number}", f"v{number}", float(number - 7)) for number in range(14)]  # they add up to -7
WHY = Attribution("columns", -2.0, 5.0, "the means", "Shapley values, 2 orders", {"column": SHARES})
EXPLANATION = Explanation(3, "a.png", 'log-odds of "cat"', {"prediction": "cat"}, WHY)
COLUMNS = [ColumnImportance("size", 0.25, 0.01, (0.24, 0.26)), ColumnImportance("name", -0.001, 0.002, (0.0, -0.002))]
IMPORTANCE = Importance("test", "accuracy", True, 0.9, 20, 2000, COLUMNS)


def test_the_strongest_parts_come_first_and_the_others_are_summed(capsys: pytest.CaptureFixture[str]) -> None:
    print_explanations([EXPLANATION])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "row 3 (a.png): cat"
    assert lines[1] == 'log-odds of "cat": -2 = 5 with the means -7 from the row (Shapley values, 2 orders)'
    assert lines[3].split() == ["column", "value", "adds"]
    assert lines[4].split() == ["c0", "v0", "-7"]
    assert lines[5].split() == ["c1", "v1", "-6"]
    assert lines[6].split() == ["c13", "v13", "+6"]
    assert lines[-1].split() == ["(2", "more)", "+1"]  # c7: 0, c8: 1


def test_what_the_parts_lack_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    why = Attribution(
        "steps", 1.0, 0.0, "the means", "integrated gradients, 512 steps", {"step": [Share("t", "", 0.9)]}
    )
    print_explanations([Explanation(1, "", "price", {"prediction": 1.5}, why), EXPLANATION])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "row 1: 1.5000"
    assert lines[1].endswith("(integrated gradients, 512 steps); the parts lack +0.1000 of it")
    assert lines[3].split() == ["step", "adds"]
    assert lines[5:7] == ["", "row 3 (a.png): cat"]


def test_amounts_have_a_sign() -> None:
    assert [signed(value) for value in (0.5, -0.5, 0.0)] == ["+0.5000", "-0.5000", "0"]
    assert [share.name for share in strongest(SHARES, 2)] == ["c0", "c1"]


def test_what_is_nothing_beside_the_largest_amount_is_written_as_nothing() -> None:
    shares = [Share("a", "", -2.0), Share("b", "", 1e-6)]
    assert [told(share.amount, shares) for share in shares] == [-2.0, 0.0]
    assert told(1e-6, shares[1:]) == 1e-6


def test_json_has_pixels_as_a_grid_alone_and_no_number_that_json_lacks() -> None:
    why = Attribution(
        "pixels", 1.0, 0.25, "a black image", "integrated gradients", {"pixel": [Share("row 1", "", 0.75)]},
        grid=np.array([[0.75, np.nan]]),
    )  # fmt: skip
    (found,) = json.loads(as_json(explanations_state([Explanation(1, "", "price", {"price": float("nan")}, why)])))
    assert (found["grid"], found["parts"], found["prediction"]) == ([[0.75, None]], {}, {"price": None})
    assert (found["value"], found["baseline"], found["missing"]) == (1.0, 0.25, 0.0)
    (found,) = explanations_state([EXPLANATION])
    assert found["parts"]["column"][13] == {"name": "c13", "value": "v13", "amount": 6.0, "error": 0.0}


def test_importance(capsys: pytest.CaptureFixture[str]) -> None:
    print_importance(IMPORTANCE)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "test/accuracy 0.9000 on 20 of 2,000 rows"
    assert lines[1] == "how much lower accuracy is with a column shuffled: mean and standard deviation of 2 shuffles"
    assert [line.split() for line in lines[4:]] == [["size", "+0.2500", "0.0100"], ["name", "-0.0010", "0.0020"]]
    state = importance_state(IMPORTANCE)
    assert state["columns"][0] == {"name": "size", "importance": 0.25, "deviation": 0.01, "repeats": [0.24, 0.26]}


def test_amounts_that_are_estimated_have_their_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    shares = [Share("a", "", 0.5, 0.125), Share("b", "", -0.25, float("nan"))]
    why = Attribution("words", 1.0, 0.75, "an empty text", "Shapley values, 8 orders", {"word": shares})
    print_explanations([Explanation(1, "", "price", {"prediction": 1.5}, why)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[3:]] == [
        ["word", "adds", "+-"], ["a", "+0.5000", "0.1250"], ["b", "-0.2500", "?"],
    ]  # fmt: skip
    (state,) = json.loads(as_json(explanations_state([Explanation(1, "", "price", {"prediction": 1.5}, why)])))
    assert [share["error"] for share in state["parts"]["word"]] == [0.125, None]
