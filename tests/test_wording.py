"""Numbers, durations and tables in messages."""

from __future__ import annotations

import io

import pytest

from dlrun import wording as figures
from dlrun.report import lines as words
from dlrun.wording import PrintableStream, escape_controls, first_line, unfiltered


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.98333, "0.9833"),
        (12.3456, "12.3456"),
        (1234.5678, "1235"),
        (1.5e-5, "1.5e-05"),
        (10.0, "10"),
        (None, "-"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        (0.0, "0"),
    ],
)
def test_metrics(value: float | None, text: str) -> None:
    assert figures.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert figures.duration(seconds) == text


def test_counts_and_plurals() -> None:
    assert figures.count(60000) == "60,000"
    assert figures.plural(1, "epoch") == "1 epoch"
    assert figures.plural(2, "step") == "2 steps"


def test_the_result_table_has_a_column_a_split_and_a_baseline() -> None:
    result = {"metrics": {"val/loss": 0.5, "val/accuracy": 0.9, "test/loss": 0.6, "test/accuracy": 0.8}}
    assert words.result_table(result) == (
        ["metric", "val", "test"],
        [["loss", "0.5000", "0.6000"], ["accuracy", "0.9000", "0.8000"]],
    )
    baselines = [
        {"name": "mean", "metrics": {"val/r2": 0.1, "test/r2": -0.5}},
        {"name": "linear model", "metrics": {"val/r2": 0.2, "test/r2": 0.25}},
    ]
    metrics = {"val/loss": 0.5, "val/r2": 0.5, "test/loss": 0.5, "test/r2": 0.75}
    assert words.result_table({"metrics": metrics, "baselines": baselines}) == (
        ["metric", "val", "test", "mean", "linear model"],
        [["loss", "0.5000", "0.5000", "-", "-"], ["r2", "0.5000", "0.7500", "-0.5000", "0.2500"]],
    )
    assert words.result_table({"metrics": {"train/loss": 2}}) == (["metric", "train"], [["loss", "2"]])


def test_what_controls_a_terminal_is_escaped() -> None:
    assert escape_controls("a\tb\n\x1b[2J\r\u202eé\u200d") == "a\tb\n\\x1b[2J\\r\\u202eé\u200d"
    assert escape_controls("\udcff") == "\\udcff"  # a file name that is not UTF-8
    assert len(escape_controls("x" * 100_000)) == 100_000


def test_a_printable_stream_escapes_and_is_otherwise_the_stream() -> None:
    below = io.StringIO()
    stream = PrintableStream(below)
    assert stream.write("\x1b[1m") == 4
    stream.writelines(["a\n", "\x07"])
    assert below.getvalue() == "\\x1b[1ma\n\\x07"
    assert stream.isatty() is False
    assert unfiltered(stream) is below
    assert unfiltered(below) is below


def test_a_promise_is_written_without_zeros_that_say_nothing() -> None:
    assert figures.interval(0.971, 0.983) == "0.971 to 0.983"
    assert figures.interval(0, 1e-5) == "0 to 1e-05"
    assert figures.interval(10, 11.0) == "10 to 11"


def test_the_first_line_of_an_error() -> None:
    assert first_line(ValueError("\n no\nmore")) == "no"
    assert first_line(AssertionError()) == "AssertionError"
