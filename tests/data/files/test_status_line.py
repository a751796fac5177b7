"""dlrun.data.files.status_line: progress on a terminal, elsewhere, and not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.data.files import status_line as module
from dlrun.data.files.status_line import counted, long_work, print_status, silenced

Dlrun = Callable[..., tuple[int, str, str]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 11.0, 12.0, 20.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))


@pytest.mark.usefixtures("clock")
def test_long_work_shows_its_progress(capfd: pytest.CaptureFixture[str]) -> None:
    with long_work("Reading", 40) as done:
        for _ in range(3):
            done(10)
    assert capfd.readouterr().err == "Reading: 20 of 40 files, 11 s left\nReading: 30 of 40 files in 20 s\n"


@pytest.mark.usefixtures("clock")
def test_more_units_than_expected_leave_no_negative_time(capfd: pytest.CaptureFixture[str]) -> None:
    with long_work("Reading", 15, unit="rows") as done:
        for _ in range(3):
            done(10)
    assert capfd.readouterr().err == "Reading: 20 of 20 rows, 0 s left\nReading: 30 of 30 rows in 20 s\n"


@pytest.mark.usefixtures("clock")
def test_a_terminal_has_one_line_that_is_redrawn(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with long_work("Reading", 40) as done:
        for _ in range(3):
            done(10)
    lines = ("20 of 40 files, 11 s left", "30 of 40 files, 4 s left", "30 of 40 files in 20 s")
    assert capfd.readouterr().err == "".join(f"\r\x1b[KReading: {line}" for line in lines) + "\n"


@pytest.mark.usefixtures("clock")
def test_nothing_is_printed_when_silenced(capfd: pytest.CaptureFixture[str]) -> None:
    with silenced(wanted=True), silenced(wanted=False), long_work("Reading", 40) as done:
        done(10)
        done(10)
        print_status("a line")
    assert capfd.readouterr().err == ""
    print_status("a line")
    assert capfd.readouterr().err == "a line\n"


def test_rows_are_counted_many_at_a_time() -> None:
    received: list[int] = []
    assert list(counted(range(600), received.append)) == list(range(600))
    assert received == [256, 256, 88]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("dataset=table", "dataset.path=example:people.csv", "dataset.target=renewed"), "Reading people.csv: "),
        (("dataset=series", "dataset.path=example:weather.csv", "dataset.time=day"), "Reading weather.csv: "),
        (("dataset=text", "dataset.path=example:reviews.csv"), "Tokenizing: 800 of 800 texts in "),
        (("dataset=arrays", "dataset.path=example:wine.npz"), "Measuring: "),
        (("dataset=image_folder", "dataset.path=example:shapes"), "Reading images: 600 of 600 files in "),
    ],
    ids=["table", "series", "text", "arrays", "images"],
)
def test_every_kind_shows_the_progress_of_reading_unless_quiet(
    words: tuple[str, ...], shown: str, dlrun: Dlrun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))  # another test may have left the rows in the shared one
    monkeypatch.setattr(module, "_SILENT_S", -1.0)
    real = time.monotonic
    ticks = iter(range(10**9))
    monkeypatch.setattr(time, "monotonic", lambda: real() + 11 * next(ticks))
    model = "model=rnn" if "text" in words[0] else "model=linear"
    code, _, err = dlrun("check", *words, model, "device.threads=1")
    assert code == 0, err
    assert shown in err
    code, _, err = dlrun("check", *words, model, "device.threads=1", "--quiet")
    assert code == 0
    assert "of" not in err.split()
