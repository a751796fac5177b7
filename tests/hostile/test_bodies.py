"""Hostile requests: a few hundred to servers of four kinds; `python -m tests.hostile.bodies RUN_DIR` sends 10,000."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile.bodies import attack, poster, valid_body
from tests.runs.serving.conftest import client, data, loaded, needs_serve, served, trained

__all__ = ["client", "data", "loaded", "served", "trained"]
pytestmark = needs_serve


@pytest.mark.parametrize("name", ["linear", "several", "text", "images", "arrays"])
def test_a_server_stands(name: str, client: Callable[..., Any]) -> None:
    told: list[str] = []
    server = client(name, told=told)
    valid = valid_body(server.get("/model").json())
    statuses, wrong = attack(poster(server), valid, count=70, seed=1)
    assert wrong == []
    assert told == []
    assert statuses[422] > 10


def test_wrong_answers_are_found() -> None:
    def post(body: bytes, kind: str) -> tuple[int, bytes]:
        return (200, b"{}") if kind == "application/json" and body == b'{"rows": [1]}' else (500, b'{"a": "Traceback"}')

    statuses, wrong = attack(post, {"rows": [1]}, count=10, seed=0)
    assert statuses[500] == len(wrong)
    assert len(wrong) >= 9
