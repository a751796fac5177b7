"""Servers of tiny runs, without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from dlrun.runs.serving.app import make_app
from dlrun.runs.serving.limits import Limits
from dlrun.runs.serving.served import Served, ServedRun
from tests.runs.export.conftest import Load, data, loaded, trained

__all__ = ["data", "loaded", "trained"]
try:
    from starlette.testclient import TestClient

    HAS_SERVE = True
except (ImportError, RuntimeError):  # the latter without what its client needs
    HAS_SERVE = False
needs_serve = pytest.mark.skipif(not HAS_SERVE, reason='starlette with its test client is not installed: "dlrun[test]"')

Serve = Callable[..., Any]
PAGES = {"/": ("<p>page</p>", "default-src 'none'"), "/docs": ("<p>docs</p>", "default-src 'none'")}


@pytest.fixture(scope="session")
def served(loaded: Load) -> Callable[[str], Served]:
    """Return a function that loads a run of `RUNS` to be served."""
    return lambda name: ServedRun(loaded(name), name=name)


@pytest.fixture
def client(served: Callable[[str], Served]) -> Iterator[Serve]:
    """Return a function that starts a server of a run, or of a model, and returns its client."""
    with ExitStack() as stack:

        def start(
            model: str | Served, *, token: str | None = None, told: list[str] | None = None, **limits: Any
        ) -> Any:
            if isinstance(model, str):
                model = served(model)
            told = [] if told is None else told
            app = make_app(model, Limits(**limits), pages=PAGES, token=token, tell=told.append)
            return stack.enter_context(TestClient(app))

        yield start


def post(client: Any, **body: Any) -> Any:
    """Return the predictions of a body, or what is wrong with it as [status, (field, reason), ...]."""
    answer = client.post("/predict", content=json.dumps(body), headers={"Content-Type": "application/json"})
    found = answer.json()
    if answer.status_code == 200:
        return found["predictions"]
    return [answer.status_code, *((fault["field"], fault["reason"]) for fault in found["detail"])]
