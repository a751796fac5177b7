"""dlrun.runs.publish.hub: a folder in the hands of the hub's own library, before a server of the test's own."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dlrun.errors import ConfigError, StorageError

hub = pytest.importorskip("huggingface_hub", reason="needs dlrun[hub]")

from dlrun.runs.publish.hub import upload  # noqa: E402


@dataclass
class Server:
    """What a hub answers, and what it was sent."""

    address: str = ""
    status: int = 200  # of what is asked to be created
    files: list[str] = field(default_factory=lambda: [".gitattributes"])
    created: list[dict[str, Any]] = field(default_factory=list)
    committed: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str | None] = field(default_factory=set)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found = Server()

    class Answers(BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            """Print nothing."""

        def _answer(self, status: int, value: Any) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            if found.status != 200:
                return self._answer(found.status, {"error": "no\x1b[2J"})
            if "/tree/" in self.path:
                listed = [{"type": "file", "path": name, "size": 1, "oid": "0"} for name in found.files]
                return self._answer(200, listed)
            siblings = [{"rfilename": name} for name in found.files]
            return self._answer(200, {"id": "me/model", "sha": "0" * 40, "siblings": siblings, "private": True})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.tokens.add(self.headers.get("Authorization"))
            if self.path.endswith("/repos/create"):
                if found.status != 200:
                    return self._answer(found.status, {"error": "no\x1b[2J"})
                found.created.append(json.loads(body))
                return self._answer(200, {"url": f"{found.address}/me/model"})
            if "/preupload/" in self.path:
                names = [each["path"] for each in json.loads(body)["files"]]
                modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
                return self._answer(200, {"files": modes})
            if "/commit/" in self.path:
                for line in body.splitlines():
                    entry = json.loads(line)
                    if entry["key"] == "file":
                        found.committed[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
                url = f"{found.address}/me/model/commit/{'1' * 40}"
                return self._answer(200, {"commitOid": "1" * 40, "commitUrl": url, "hookOutput": ""})
            return self._answer(200, {})

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    found.address = f"http://127.0.0.1:{httpd.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", found.address)
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", found.address)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    yield found
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def folder(own_folder: Path) -> Path:
    path = own_folder / "model"
    path.mkdir()
    (path / "README.md").write_text("---\nlibrary_name: dlrun\n---\n# model\n")
    (path / "model.safetensors").write_bytes(b"weights")
    return path


def test_the_folder_is_committed_to_a_new_private_repository(server: Server, folder: Path) -> None:
    assert upload(folder, "me/model") == f"{server.address}/me/model"
    (created,) = server.created
    assert created["name"] == "model"
    assert created.get("private") is True or created["visibility"] == "private"  # as the library's version has it
    assert server.committed == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert server.tokens == {"Bearer hf_secret"}


def test_it_is_public_if_asked(server: Server, folder: Path) -> None:
    upload(folder, "me/model", public=True)
    assert not server.created[0].get("private")
    assert server.created[0].get("visibility", "public") == "public"


def test_a_repository_with_files_is_not_replaced(server: Server, folder: Path) -> None:
    server.files = [".gitattributes", "README.md"]
    with pytest.raises(ConfigError, match=r"This repository has 1 file already, such as README\.md"):
        upload(folder, "me/model")
    assert server.committed == {}


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (401, ConfigError, "The hub knows no such token, or none was given. Log in with `hf auth login`"),
        (403, ConfigError, "Your token may not write there: check OWNER"),
        (400, StorageError, "hf://me/model: the hub refused with status 400"),
    ],
)
def test_what_the_hub_refuses_is_told(
    server: Server, folder: Path, status: int, kind: type[Exception], message: str
) -> None:
    server.status = status
    with pytest.raises(kind) as error:
        upload(folder, "me/model")
    assert message in str(error.value)
    assert "hf_secret" not in str(error.value)
    assert "\x1b" not in str(error.value)


def test_a_hub_that_cannot_be_reached(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("huggingface_hub.constants.ENDPOINT", "huggingface_hub.hf_api.constants.ENDPOINT"):
        monkeypatch.setattr(module, "http://127.0.0.1:9")
    with pytest.raises(StorageError, match="hf://me/model: the hub cannot be reached"):
        upload(folder, "me/model")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(StorageError, match="hf://me/model: the hub cannot be reached"):
        upload(folder, "me/model")
