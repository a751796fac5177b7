"""dlrun.runs.environment: the processor's name, with and without /proc."""

from __future__ import annotations

import io
import platform

import pytest

from dlrun.runs import environment


def test_the_processor_is_read_from_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nprocessor\t: 1\nmodel name\t: another\n"
    monkeypatch.setattr(environment, "open", lambda *_, **__: io.StringIO(text), raising=False)
    assert environment.processor() == "Fast CPU @ 3 GHz"


def test_without_proc_the_processor_is_what_the_system_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> object:
        raise FileNotFoundError

    monkeypatch.setattr(environment, "open", missing, raising=False)
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert environment.processor() == "arm"
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert environment.processor() == "arm64"


def test_the_numeric_part_has_what_equal_bytes_depend_on() -> None:
    found = environment.collect_numeric(3, "cpu")
    assert set(found) == {
        "torch", "python", "dlrun", "system", "processor", "instruction_set", "threads", "device",
    }  # fmt: skip
    assert (found["threads"], found["device"]) == (3, "cpu")
