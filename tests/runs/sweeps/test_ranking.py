"""Groups, best first, and which are held against each other."""

from __future__ import annotations

from typing import Any

from dlrun.runs.sweeps.groups import Group, Trial
from dlrun.runs.sweeps.ranking import rank


def row(name: str, *values: float, metric: str = "val/accuracy", status: str = "completed", data: str = "") -> Group:
    """A group with one value for each seed."""
    trials = [
        Trial(name, {"name": name, "seed": seed}, status, {metric: value, "test/loss": -value}, data, metric, {})
        for seed, value in enumerate(values)
    ]
    return Group({"name": name}, tuple(trials) or (Trial(name, {}, "failed", {}),))


def order(groups: list[Group], metric: str | None = None) -> list[Any]:
    return [each.group.settings["name"] for each in rank(groups, metric).rows]


def test_the_best_mean_is_first_in_the_direction_of_its_metric() -> None:
    assert order([row("a", 0.5, 0.6), row("b", 0.8), row("c")]) == ["b", "a", "c"]
    losses = [row("a", 0.5, metric="val/loss"), row("b", 0.8, metric="val/loss")]
    assert order(losses) == ["a", "b"]
    assert order([row("a", 0.5), row("b", 0.8)], "test/loss") == ["b", "a"]  # -0.8 is the lowest


def test_what_did_not_complete_is_not_the_best_and_unknown_directions_come_last() -> None:
    groups = [row("pruned", 0.9, status="pruned"), row("unknown", 0.9, metric="val/iou"), row("failed"), row("a", 0.5)]
    assert order(groups) == ["a", "pruned", "unknown", "failed"]
    assert [each.verdict for each in rank(groups).rows] == [None] * 4
    assert order([row("nan", float("nan")), row("a", 0.1)]) == ["a", "nan"]


def test_data_and_metrics_have_a_best_row_each() -> None:
    groups = [row("a", 1.0, 1.1, 1.2, data="iris 1"), row("b", 5.0, 5.1, 5.2, data="wine 2")]
    groups += [row("c", 0.5, 0.6, 0.7, data="iris 1"), row("d", 5.0, 5.1, 5.2, data="wine 2")]
    found = rank(groups)
    assert [each.group.settings["name"] for each in found.rows] == ["a", "c", "b", "d"]
    kinds = [each.verdict.kind if each.verdict else None for each in found.rows]
    assert kinds == ["best", "unclear", "best", "unclear"]  # all differences of a and c are the same: 3 equal signs
    assert [len(board) for board in found.compared] == [2, 2]


def test_single_seeds_and_a_single_row_have_no_verdict() -> None:
    assert [each.verdict for each in rank([row("a", 0.5), row("b", 0.6)]).rows] == [None, None]
    found = rank([row("a", 0.5, 0.7)])
    assert found.rows[0].verdict is None
    assert found.has_repeats
    assert not rank([row("a", 0.5)]).has_repeats


def test_a_certain_difference_is_told() -> None:
    verdicts = [each.verdict for each in rank([row("a", 0.1, 0.12, 0.14, 0.1), row("b", 0.9, 0.95, 0.91, 0.9)]).rows]
    assert [each.kind for each in verdicts if each is not None] == ["best", "worse"]
