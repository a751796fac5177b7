"""`dlrun env`: what a bug report needs."""

from __future__ import annotations

import json
from collections.abc import Callable

import dlrun as package

Dlrun = Callable[..., tuple[int, str, str]]


def test_env_shows_versions_and_devices(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("env", "--json")
    described = json.loads(out)
    assert described["versions"]["dlrun"] == package.__version__
    assert described["threads"] >= 1
    _, out, _ = dlrun("env")
    assert "torch" in out
