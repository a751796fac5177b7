"""dlrun.cli.verbs.serve: what is served, and what is told of a command line that cannot be."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Dlrun = Callable[..., tuple[int, str, str]]
HAS_SERVE = all(importlib.util.find_spec(name) for name in ("starlette", "uvicorn", "python_multipart"))
pytestmark = pytest.mark.skipif(not HAS_SERVE, reason='the extra "serve" is not installed')


@pytest.fixture
def listened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be served."""
    calls: list[Any] = []
    monkeypatch.setattr("dlrun.runs.serving.server.listen", lambda *given, tell: calls.append(given))
    return calls


def test_a_run_and_its_limits(dlrun: Dlrun, short_run: Callable[..., Path], listened: list[Any]) -> None:
    folder = short_run("run")
    code, out, err = dlrun("serve", str(folder), "--port", "0", "--max-rows", "7", "--max-mib", "2", "--timeout", "1.5",
                           "--max-waiting", "3")  # fmt: skip
    assert (code, out) == (0, "")
    assert err.startswith("dlrun: serving run on http://127.0.0.1:")
    ((_, _, limits),) = listened
    assert (limits.rows, limits.mib, limits.timeout_s, limits.waiting) == (7, 2, 1.5, 3)
    assert dlrun("serve", str(folder), "--port", "0", "-q")[2] == ""


def test_what_cannot_be_served(dlrun: Dlrun, listened: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLRUN_TOKEN", raising=False)
    code, _, err = dlrun("serve", "nothing", "--port", "0")
    assert code == 2
    assert "There is no run in this folder" in err
    Path("m.onnx").write_bytes(b"x")
    code, _, err = dlrun("serve", "m.onnx", "--port", "0")
    assert code == 5
    assert "m.onnx.json: No such file or directory" in err
    code, _, err = dlrun("serve", "m.onnx", "device=cpu", "--port", "0")
    assert code == 2
    assert "An exported file takes no KEY=VALUE; a run does." in err
    code, _, err = dlrun("serve", "m.onnx", "--host", "0.0.0.0", "--port", "0")  # noqa: S104
    assert code == 2
    assert "Others can reach this address. Give a token" in err
    code, _, err = dlrun("serve", "m.onnx", "--port", "70000")
    assert "Expected a whole number from 0 to 65535." in err
    assert listened == []
