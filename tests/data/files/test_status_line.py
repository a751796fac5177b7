"""dlrun.data.files.status_line: how far it is, on a terminal, elsewhere and not at all."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from dlrun.data.files import status_line as module
from dlrun.data.files.status_line import counted, long_work, silenced, tell

Dlrun = Callable[..., tuple[int, str, str]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 11.0, 12.0, 20.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))


@pytest.mark.usefixtures("clock")
def test_long_work_tells_how_far_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    with long_work("Reading", 40) as done:
        for _ in range(3):
            done(10)
    assert capfd.readouterr().err == "Reading: 20 of 40 files, 11 s left\nReading: 30 of 40 files in 20 s\n"


@pytest.mark.usefixtures("clock")
def test_more_than_was_expected_is_no_less_than_nothing_left(capfd: pytest.CaptureFixture[str]) -> None:
    with long_work("Reading", 15, unit="rows") as done:
        for _ in range(3):
            done(10)
    assert capfd.readouterr().err == "Reading: 20 of 20 rows, 0 s left\nReading: 30 of 30 rows in 20 s\n"


@pytest.mark.usefixtures("clock")
def test_a_terminal_has_one_line_drawn_anew(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with long_work("Reading", 40) as done:
        for _ in range(3):
            done(10)
    lines = ("20 of 40 files, 11 s left", "30 of 40 files, 4 s left", "30 of 40 files in 20 s")
    assert capfd.readouterr().err == "".join(f"\r\x1b[KReading: {line}" for line in lines) + "\n"


@pytest.mark.usefixtures("clock")
def test_nothing_is_told_where_that_is_wanted(capfd: pytest.CaptureFixture[str]) -> None:
    with silenced(wanted=True), silenced(wanted=False), long_work("Reading", 40) as done:
        done(10)
        done(10)
        tell("a line")
    assert capfd.readouterr().err == ""
    tell("a line")
    assert capfd.readouterr().err == "a line\n"


def test_rows_are_counted_many_at_a_time() -> None:
    told: list[int] = []
    assert list(counted(range(600), told.append)) == list(range(600))
    assert told == [256, 256, 88]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dataset=table", "dataset.path=example:people.csv", "dataset.target=renewed"), "Reading people.csv: "),
        (("dataset=series", "dataset.path=example:weather.csv", "dataset.time=day"), "Reading weather.csv: "),
        (("dataset=text", "dataset.path=example:reviews.csv"), "Reading tokens: 800 of 800 texts in "),
        (("dataset=arrays", "dataset.path=example:wine.npz"), "Measuring: "),
        (("dataset=image_folder", "dataset.path=example:shapes"), "Reading pictures: 600 of 600 files in "),
    ],
    ids=["table", "series", "text", "arrays", "pictures"],
)
def test_every_kind_tells_how_far_reading_is_unless_quiet(
    words: tuple[str, ...], told: str, dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENT_S", -1.0)
    real = time.monotonic
    ticks = iter(range(10**9))
    monkeypatch.setattr(time, "monotonic", lambda: real() + 11 * next(ticks))
    model = "model=rnn" if "text" in words[0] else "model=linear"
    code, _, err = dlrun("check", *words, model, "device.threads=1")
    assert code == 0, err
    assert told in err
    code, _, err = dlrun("check", *words, model, "device.threads=1", "--quiet")
    assert code == 0
    assert "of" not in err.split()
