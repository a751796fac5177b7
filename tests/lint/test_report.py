from __future__ import annotations

from dlrun.errors import ConfigError, DataError, Problem
from dlrun.lint.finding import Finding
from dlrun.lint.report import Report

RATE = Finding("learning-rate", "error", "optimizer.lr", "Too high.", "optimizer.lr=0.1")
ORDER = Finding("no-shuffling", "warning", "trainer.shuffle", "Not shuffled.", "trainer.shuffle=true")
ROWS = Finding("data", "error", "dataset", "x.csv: there is no such file.")


def report(*found: Finding, num_points: int = 1, label: str = "") -> Report:
    made = Report(num_points)
    made.add(found, label=label)
    return made


def test_a_finding_is_reported_once_with_its_points() -> None:
    made = report(ORDER, num_points=3, label="seed=0")
    made.add([ORDER, ORDER], label="seed=2")
    assert list(made.warning_lines()) == [
        "warning  trainer.shuffle  [no-shuffling]",
        "      Not shuffled. At 2 of 3 points, the first is seed=0.",
        "      fix: trainer.shuffle=true",
    ]
    made.add([ORDER], label="seed=1")
    assert list(made.warning_lines())[1] == "      Not shuffled."  # at every point
    assert list(report(ORDER, num_points=3, label="seed=0").warning_lines())[1].endswith(" At the point seed=0.")


def test_errors_come_first_as_plain_values() -> None:
    assert report(ORDER, RATE).state() == [
        {"id": "learning-rate", "severity": "error", "key": "optimizer.lr", "message": "Too high.",
         "fix": "optimizer.lr=0.1"},
        {"id": "no-shuffling", "severity": "warning", "key": "trainer.shuffle", "message": "Not shuffled.",
         "fix": "trainer.shuffle=true"},
    ]  # fmt: skip


def test_exit_codes() -> None:
    assert report().exit_code(strict=True) == 0
    assert report(ORDER).exit_code(strict=False) == 0
    assert report(ORDER).exit_code(strict=True) == 2
    assert report(RATE, ORDER).exit_code(strict=False) == 2
    assert report(ROWS, ORDER).exit_code(strict=False) == 3
    assert report(ROWS, RATE).exit_code(strict=False) == 2


def test_errors_are_raised_as_training_would_raise_them() -> None:
    raised = report(ROWS).error()
    assert isinstance(raised, DataError)
    assert str(raised) == "x.csv: there is no such file."
    raised = report(RATE, num_points=2, label="optimizer.lr=3").error()
    assert isinstance(raised, ConfigError)
    text = "Too high. At the point optimizer.lr=3.\n      fix: optimizer.lr=0.1"
    assert raised.problems == [Problem("optimizer.lr", text, "learning-rate", "optimizer.lr=0.1")]


def test_problems_of_a_request_become_findings() -> None:
    made = Report()
    made.add_error(ConfigError(Problem("optimizer.lrr", "Unknown.", "unknown-key", "optimizer.lr=1")))
    made.add_error(ConfigError("One text."))
    assert made.errors == [
        Finding("unknown-key", "error", "optimizer.lrr", "Unknown.", "optimizer.lr=1"),
        Finding("configuration", "error", "configuration", "One text."),
    ]


def test_the_last_line_says_whether_a_run_would_start() -> None:
    assert report().summary() == "Nothing is wrong."
    assert report(num_points=1200).summary() == "Nothing is wrong with any of 1,200 points."
    assert report(ORDER).summary() == "1 warning; a run would start."
    assert report(ORDER, num_points=3).summary() == "1 warning; a run would start. 3 points checked."
