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
    ("values", "texts"),
    [
        ([99.1234, 103.2871], ["99.12", "103.29"]),  # the smallest has four digits
        ([0.5, 250.123], ["0.5000", "250.1230"]),  # at most four decimals
        ([1234.5, 20000.25], ["1234", "20000"]),
        ([10, 9.5, None], ["10.0000", "9.5000", "-"]),
        ([1.0, 0.98333, -0.0], ["1.0000", "0.9833", "0.0000"]),
        ([1.0, 2.0, None], ["1", "2", "-"]),  # whole
        ([0.98, 0.00012, 0.0], ["0.98000", "0.00012", "0.00000"]),  # two digits of a small one
        ([0.00051234, 0.0006], ["0.0005123", "0.0006000"]),
        ([0.5, 3.2e12, -3e-7], ["0.5000", "3.2e+12", "-3e-07"]),  # what stands out
        ([9.8e5, 1.2e6, 0.0], ["9.800e+05", "1.200e+06", "0"]),
        ([1.5e-5, 4e-6], ["1.500e-05", "4.000e-06"]),
        ([float("nan"), float("inf"), 0.5, 0.25], ["nan", "inf", "0.5000", "0.2500"]),
        ([103.28, 103.28], ["103.3", "103.3"]),  # as one alone
        ([None], ["-"]),
        ([], []),
    ],
)
def test_numbers_of_a_column_have_as_many_decimals(values: list[float | None], texts: list[str]) -> None:
    assert figures.numbers(values) == texts


def test_a_metric_has_as_many_decimals_in_every_split() -> None:
    rows = {"val/rmse": [99.1234, None], "val/r2": [0.5, 1.0], "test/rmse": [103.2871, 250.0], "step": [2.0]}
    found = figures.numbers_by_metric(rows)
    assert list(found) == list(rows)
    assert list(found.values()) == [["99.12", "-"], ["0.5000", "1.0000"], ["103.29", "250.00"], ["2"]]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert figures.duration(seconds) == text


def test_counts_and_plurals() -> None:
    assert figures.count(60000) == "60,000"
    assert figures.plural(1, "epoch") == "1 epoch"
    assert figures.plural(2, "step") == "2 steps"
    assert figures.plural(0, "row") == "0 rows"
    assert figures.plural(12_000, "class") == "12,000 classes"
    assert figures.plural(3, "epoch") == "3 epochs"
    assert figures.plural(2, "batch") == "2 batches"
    assert figures.plural(2, "category") == "2 categories"
    assert figures.plural(2, "day") == "2 days"
    assert figures.plural(1, "more class") == "1 more class"
    assert figures.plural(2.5, "epoch") == "2.5 epochs"
    assert figures.plural(1.0001, "epoch") == "1 epoch"
    assert figures.plural(float("inf"), "row") == "inf rows"


def test_the_metric_of_a_result_has_as_many_decimals_in_each_column() -> None:
    baselines = [{"name": "mean", "metrics": {"test/rmse": 250.5}}]
    result = {"metrics": {"val/rmse": 99.1234, "test/rmse": 103.2871}, "baselines": baselines}
    assert words.result_table(result)[1] == [["rmse", "99.12", "103.29", "250.50"]]


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
