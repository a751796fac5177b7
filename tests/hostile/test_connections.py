"""Hostile connections, a hundred of them; `python -m tests.hostile.connections RUN_OR_FILE` opens 10,000."""

from __future__ import annotations

import random

import pytest

from tests.hostile.connections import hostile_bytes, try_server
from tests.runs.export.conftest import Train, data, trained
from tests.runs.serving.conftest import needs_serve

__all__ = ["data", "trained"]


@needs_serve
def test_a_server_stands(trained: Train) -> None:
    pytest.importorskip("uvicorn")
    line, wrong = try_server(trained("linear"), count=60, seed=3, connections=60)
    assert wrong == []
    assert line.startswith("60 hostile connections: {")
    assert "'400': " in line


def test_what_is_written_differs_and_can_be_repeated() -> None:
    written = [hostile_bytes({"rows": [{"a": 1}]}, random.Random(seed)) for seed in range(200)]
    assert written == [hostile_bytes({"rows": [{"a": 1}]}, random.Random(seed)) for seed in range(200)]
    assert len(set(written)) > 150
    assert sum(each.startswith(b"POST /predict HTTP/1.1\r\n") for each in written) > 50
