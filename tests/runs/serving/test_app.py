"""dlrun.runs.serving.app and gate: paths, limits, tokens and hosts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from dlrun.runs.serving.app import make_app
from dlrun.runs.serving.limits import Limits
from dlrun.runs.serving.middleware import as_json
from dlrun.runs.serving.served import Served
from tests.runs.serving.conftest import HAS_SERVE, PAGES, needs_serve, post

if HAS_SERVE:
    from starlette.testclient import TestClient

pytestmark = needs_serve
Start = Callable[..., Any]
TOKEN = "a-secret-token"  # noqa: S105
JSON = {"Content-Type": "application/json"}
ROW = {f"{part}_{what}_cm": 1.5 for part in ("sepal", "petal") for what in ("length", "width")}


def told(answer: Any) -> list[Any]:
    """Return the status, and field and reason of every fault."""
    return [answer.status_code, *((fault["field"], fault["reason"]) for fault in answer.json()["detail"])]


def test_health_metrics_and_pages(client: Start) -> None:
    server = client("linear")
    assert server.get("/health").json()["status"] == "ok"
    assert post(server, rows=[ROW])[0]["prediction"] in ("setosa", "versicolor", "virginica")
    metrics = server.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'dlrun_requests_total{path="/predict",status="200"} 1' in metrics.text
    page = server.get("/")
    assert (page.text, page.headers["content-security-policy"]) == PAGES["/"]
    assert page.headers["x-content-type-options"] == "nosniff"


def test_the_description_of_a_model(client: Start) -> None:
    found = client("linear").get("/model").json()
    assert found["kind"] == "numbers"
    assert [column["name"] for column in found["columns"]] == [*ROW]
    assert found["outputs"][0]["classes"] == ["setosa", "versicolor", "virginica"]
    assert {*found["example"]} == {*ROW}


def test_openapi_names_columns_and_limits(client: Start) -> None:
    found = client("several", rows=7, token=TOKEN).get("/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"})
    api = found.json()
    assert api["openapi"] == "3.1.0"
    schemas = api["components"]["schemas"]
    assert {"age", "sex", "when"} <= {*schemas["Row"]["properties"]}
    assert schemas["Row"]["properties"]["age"]["type"] == ["number", "string", "null"]
    assert schemas["Request"]["properties"]["rows"]["maxItems"] == 7
    assert "inputs" not in schemas["Request"]["properties"]
    assert api["security"] == [{"token": []}]
    assert "401" in api["paths"]["/predict"]["post"]["responses"]


@pytest.mark.parametrize("name", ["language", "forecast", "images", "arrays", "mixed", "text"])
def test_openapi_of_each_kind_is_valid_json_schema(name: str, client: Start) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    server = client(name)
    for schema in server.get("/openapi.json").json()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert len(server.get("/model").content) < 20_000


def test_openapi_names_only_what_a_model_and_its_server_have(client: Start) -> None:
    for name, has_classes in (("linear", True), ("images", True), ("forecast", False), ("language", False)):
        api = client(name).get("/openapi.json").json()
        assert ("probabilities" in api["components"]["schemas"]["Request"]["properties"]) == has_classes
        assert "401" not in api["paths"]["/predict"]["post"]["responses"]


def test_paths_and_methods_that_are_none(client: Start) -> None:
    server = client("linear")
    what = "There is no such path; the server has /, /docs, /health, /metrics, /model, /openapi.json, /predict."
    assert told(server.get("/nothing")) == [404, ("", what)]
    assert told(server.get("/predict")) == [405, ("", "Expected POST.")]
    answer = server.post("/predict", content=b"a", headers={**JSON, "Content-Encoding": "gzip"})
    assert told(answer) == [415, ("Content-Encoding", "Expected a body that is not compressed.")]
    answer = server.post("/predict", content=b"a", headers={"Content-Type": "text/plain"})
    what = "Expected JSON (Content-Type: application/json) or files (multipart/form-data)."
    assert told(answer) == [415, ("", what)]


def test_a_body_that_is_too_large(client: Start) -> None:
    server = client("linear", mib=1)
    what = "Expected a body of at most 1 MiB."
    assert told(server.post("/predict", content=b" " * (1 << 20) + b" ", headers=JSON)) == [413, ("", what)]

    def parts() -> Any:  # without a length beforehand
        yield from [b" " * 1000] * 1100

    answer = server.post("/predict", content=parts(), headers=JSON)
    assert told(answer) == [413, ("", what)]
    assert answer.headers["connection"] == "close"
    body = json.dumps({"rows": [ROW]}).encode().ljust(1 << 17)
    assert server.post("/predict", content=body, headers=JSON).status_code == 200  # read in a thread


def test_bodies_hold_so_much_memory_and_no_more(client: Start) -> None:
    server = client("linear", mib=1)
    for content, status in ((b" " * 2_000_000, 413), (b"no", 400), (json.dumps({"rows": [ROW]}).encode(), 200)):
        assert server.post("/predict", content=content, headers=JSON).status_code == status
    api = server.app._inner.routes[0].endpoint.__self__
    assert api._held_bytes == 0
    api._held_bytes = 16 << 20
    answer = server.post("/predict", content=b"{}", headers=JSON)
    assert told(answer) == [503, ("", "Other requests hold the memory for bodies; try again in a second.")]
    assert api._held_bytes == 16 << 20


def test_rows_that_are_none_are_told_with_their_field(client: Start) -> None:
    server = client("linear")
    assert post(server, rows=[ROW, {**ROW, "petal_width_cm": "wide"}]) == [
        422,
        ("rows[1].petal_width_cm", 'Expected a finite number, got "wide".'),
    ]
    assert post(
        client("several"), rows=[{**dict.fromkeys(("sex", "note", "pic", "fit")), "age": 1, "when": "soon"}]
    ) == [
        422,
        ("rows[0].when", 'Expected a date as 2026-01-31 or 2026-01-31 12:30, got "soon".'),
    ]
    assert post(client("language"), rows=["   "]) == [422, ("rows[0].text", "Expected a text that is not empty.")]


def test_files_that_are_none(client: Start) -> None:
    server = client("images", rows=2)
    status, (field, reason) = told(server.post("/predict", files=[("files", ("a.png", b"no image"))]))
    assert (status, field) == (422, "rows[0]")
    assert reason.startswith("The image ")
    answer = server.post("/predict", files=[("f", ("a", b"a"))] * 3)
    assert told(answer) == [413, ("files", "Expected at most 2 files in a request; send several requests.")]
    answer = server.post("/predict", files=[("f", ("a", b"a"))], data={"probabilities": "maybe"})
    assert told(answer) == [422, ("probabilities", "Expected true or false.")]
    answer = server.post("/predict", content=b"--x", headers={"Content-Type": "multipart/form-data"})
    assert told(answer)[0] == 400
    assert told(client("linear").post("/predict", files=[("f", ("a", b"a"))]))[0] == 422


def test_a_token_is_needed(client: Start) -> None:
    server = client("linear", token=TOKEN)
    right = {"Authorization": f"Bearer {TOKEN}"}
    expected = [401, ("Authorization", 'Expected "Bearer" and the token that the server was given.')]
    for path in ("/model", "/metrics", "/openapi.json", "/nothing"):
        assert told(server.get(path)) == expected
        assert told(server.get(path, headers={"Authorization": "Bearer a-secret-tokem"})) == expected
    assert server.post("/predict", content=b"{}", headers=JSON).headers["www-authenticate"] == "Bearer"
    assert server.post("/predict", json={"rows": [ROW]}, headers=right).status_code == 200
    assert [server.get(path).status_code for path in ("/", "/docs", "/health")] == [200, 200, 200]


def test_a_host_of_another_name_is_refused(served: Callable[[str], Served]) -> None:
    app = make_app(served("linear"), Limits(), pages=PAGES, hosts=frozenset({"localhost", "[::1]"}))
    with TestClient(app, base_url="http://localhost:8000") as server:
        assert server.get("/health").status_code == 200
        assert server.get("/health", headers={"Host": "[::1]:80"}).status_code == 200
        expected = [421, ("Host", "Expected one of [::1], localhost.")]
        assert told(server.get("/health", headers={"Host": "evil.example"})) == expected


def test_what_fails_within_is_told_to_the_server_alone(client: Start, served: Callable[[str], Served]) -> None:
    told_here: list[str] = []
    server = client("linear", told=told_here)
    server.app._inner.routes[1].endpoint  # noqa: B018 - there is a route to break
    server.app._inner.routes[1].app = None
    answer = server.get("/health")
    assert told(answer) == [500, ("", "The server failed; its standard error says how.")]
    assert told_here == ["TypeError: 'NoneType' object is not callable"]


def test_numbers_that_json_does_not_have() -> None:
    assert (
        as_json({"a": [1.5, float("nan")], "b": (float("inf"),), "c": "é"})
        == '{"a": [1.5, null], "b": [null], "c": "é"}'.encode()
    )
    assert as_json(["\ud800"]) == b'["?"]'


def test_a_client_that_has_left_is_no_failure_and_is_counted(served: Callable[[str], Served]) -> None:
    failures: list[str] = []
    gate = make_app(served("linear"), Limits(), pages={}, tell=failures.append)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

    scope = {"type": "http", "method": "GET", "path": "/health", "root_path": "", "query_string": b"", "headers": []}
    asyncio.run(gate(scope, receive, send))
    assert failures == []
    assert 'dlrun_requests_total{path="/health",status="499"} 1' in gate._counters.text(waiting=0)
