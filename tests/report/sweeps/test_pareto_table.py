from __future__ import annotations

import pytest

from dlrun.report.sweeps.pareto_table import print_front
from dlrun.runs.sweeps.rows import SweepRow


def row(point: int, words: str, accuracy: float, parameters: int) -> SweepRow:
    return SweepRow(point, words.split(), "completed", {"val/accuracy": accuracy}, parameters=parameters)


ROWS = [
    row(0, "model=mlp seed=0", 0.9, 100),
    row(1, "model=mlp seed=1", 0.8, 100),
    row(2, "model=linear seed=0", 0.7, 10),
    row(3, "model=cnn seed=0", 0.6, 50),
]


def test_the_front_has_a_row_for_each_trial_best_first(capsys: pytest.CaptureFixture[str]) -> None:
    print_front(ROWS, ["accuracy", "parameters"])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        [],
        ["Pareto", "front", "of", "accuracy", "and", "parameters:"],
        ["point", "accuracy", "parameters", "overrides"],
        ["0,1", "0.8500", "100", "model=mlp"],
        ["2", "0.7000", "10", "model=linear"],
    ]


def test_one_objective_has_no_front(capsys: pytest.CaptureFixture[str]) -> None:
    print_front(ROWS, ["accuracy"])
    print_front(ROWS, [])
    assert capsys.readouterr().out == ""


def test_costs_come_first_where_less_is_better(capsys: pytest.CaptureFixture[str]) -> None:
    print_front(ROWS, ["parameters", "accuracy"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[3:]] == ["2", "0,1"]
