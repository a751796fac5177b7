"""A client of a YAML language server, which speaks to it as an editor does: by the Language Server Protocol."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TIMEOUT_S = 60
_SETTINGS = {
    "yaml": {
        "validate": True, "hover": True, "completion": True, "schemas": {},
        "schemaStore": {"enable": False}, "kubernetesCRDStore": {"enable": False},
    },
    "http": {}, "[yaml]": {}, "editor": {}, "files": {},
}  # fmt: skip


def find_server() -> str | None:
    """Return the yaml-language-server that DLRUN_YAML_SERVER names, or the one on the PATH; None without one."""
    return os.environ.get("DLRUN_YAML_SERVER") or shutil.which("yaml-language-server")


class Editor:
    """An open connection to a server."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._number = 0
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self._diagnostics: dict[str, list[Any]] = {}
        threading.Thread(target=self._receive, daemon=True).start()
        self._request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder.as_uri(),
                "capabilities": {
                    "textDocument": {
                        "hover": {"contentFormat": ["plaintext"]},
                        "completion": {"completionItem": {"documentationFormat": ["plaintext"]}},
                        "publishDiagnostics": {},
                    },
                    "workspace": {"configuration": True},
                },
            },
        )
        self._send({"method": "initialized", "params": {}})

    def open(self, name: str, text: str) -> list[tuple[int, str]]:
        """Open a file with this text; returns its diagnostics as (line from 1 up, message)."""
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        item = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": item}})
        while path.as_uri() not in self._diagnostics:
            self._answer_one()
        found = self._diagnostics[path.as_uri()]
        return sorted((each["range"]["start"]["line"] + 1, each["message"]) for each in found)

    def complete(self, name: str, line: int, character: int) -> dict[str, str]:
        """Return what the server offers at a place (from 1 and from 0 up): labels with the text each inserts."""
        found = self._request("textDocument/completion", self._place(name, line, character))
        items = found["items"] if isinstance(found, dict) else found
        return {each["label"]: each.get("textEdit", {}).get("newText") or each.get("insertText", "") for each in items}

    def hover(self, name: str, line: int, character: int) -> str:
        """Return what the server shows for a place."""
        found = self._request("textDocument/hover", self._place(name, line, character))
        contents = found["contents"] if found else ""
        return str(contents["value"] if isinstance(contents, dict) else contents)

    def _place(self, name: str, line: int, character: int) -> dict[str, Any]:
        uri = (self._folder / name).as_uri()
        return {"textDocument": {"uri": uri}, "position": {"line": line - 1, "character": character}}

    def _request(self, method: str, params: Mapping[str, Any]) -> Any:
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._answer_one()
            if message.get("id") == number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def _answer_one(self) -> dict[str, Any]:
        """Take one message of the server and answer it if it asks for something."""
        message = self._inbox.get(timeout=TIMEOUT_S)
        method = message.get("method")
        if method == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif method == "workspace/configuration":
            result = [_SETTINGS.get(item["section"], {}) for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": result})
        elif method is not None and "id" in message:
            self._send({"id": message["id"], "result": None})
        return message

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while head := stream.readline():
            length = int(head.partition(b":")[2])
            while stream.readline().strip():
                pass
            self._inbox.put(json.loads(stream.read(length)))


@contextmanager
def editor(server: str, folder: Path) -> Iterator[Editor]:
    """Start a server for the files of a folder."""
    process = subprocess.Popen([server, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Editor(process, folder)
    finally:
        process.kill()
        process.communicate()
