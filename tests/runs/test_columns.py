"""Which settings a table of runs shows."""

from __future__ import annotations

from typing import Any

from dlrun.runs.columns import differing_settings


def test_settings_that_differ_are_shown_best_known_ones_first() -> None:
    rows: list[dict[str, Any]] = [
        {"seed": 0, "trainer.epochs": 1, "optimizer.lr": 0.1, "model": "mlp", "device": "cpu"},
        {"seed": 0, "trainer.epochs": 2, "optimizer.lr": 0.2, "model": "mlp", "device": "cpu"},
    ]
    assert differing_settings(rows) == ["optimizer.lr", "trainer.epochs"]


def test_fields_that_follow_from_the_options_are_left_out() -> None:
    rows: list[dict[str, Any]] = [
        {"model": "mlp", "model.hidden": [8], "model.dropout": 0.0},
        {"model": "mlp", "model.hidden": [8], "model.dropout": 0.5},
        {"model": "linear"},
    ]
    assert differing_settings(rows) == ["model", "model.dropout"]  # hidden is [8] of every mlp


def test_the_learning_rate_is_shown_whenever_it_differs() -> None:
    rows: list[dict[str, Any]] = [{"model": "mlp", "optimizer.lr": 0.1}, {"model": "linear", "optimizer.lr": 0.2}]
    assert differing_settings(rows) == ["model", "optimizer.lr"]


def test_of_a_single_row_the_best_known_settings_are_shown() -> None:
    row = {"dataset": "iris", "model": "mlp", "optimizer": "adam", "optimizer.lr": 0.1, "seed": 0}
    assert differing_settings([row]) == ["dataset", "model", "optimizer", "optimizer.lr"]
    assert differing_settings([row, row]) == ["dataset", "model", "optimizer", "optimizer.lr"]
    assert differing_settings([]) == []


def test_true_is_not_one() -> None:
    assert differing_settings([{"a": True}, {"a": 1}]) == ["a"]
