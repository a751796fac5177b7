"""Nothing but the user's own command line reaches the network or starts git."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Dlrun = Callable[..., tuple[int, str, str]]
HASH = "f" * 64
ADDRESSES = ("https://127.0.0.1:1/x.yaml", f"git+https://127.0.0.1:1/r@{'1' * 40}:x.yaml")


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was tried to reach."""
    found: list[str] = []

    def refuse(*args: Any, **named: Any) -> None:
        found.append(str(args))
        raise OSError("not in this test")

    for owner, name in ((socket.socket, "connect"), (socket, "getaddrinfo"), (subprocess, "Popen")):
        monkeypatch.setattr(owner, name, refuse)
    return found


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_command_line_itself_is_fetched(dlrun: Dlrun, tried: list[str], address: str) -> None:
    for words in (("show", f"recipe={address}"), ("cat", address), ("cp", address, "x.yaml")):
        tried.clear()
        assert dlrun(*words)[0] != 0
        assert len(tried) == 1


RECIPES = [
    text.format(address=address)
    for address in ADDRESSES
    for text in (
        f"recipe: {{{{format: 1, extends: '{{address}}@sha256:{HASH}'}}}}\n",
        "recipe: {{format: 1, extends: '{address}'}}\n",
        "recipe: '{address}'\n",
        "recipe: {{format: 1, source: '{address}'}}\nrecipes: ['{address}']\n",
        "sweep: {{recipe: ['{address}']}}\n",
        "dataset: {{name: table, path: '{address}', target: y}}\n",
    )
]


@pytest.mark.parametrize("text", RECIPES)
def test_what_a_recipe_names_is_not_fetched(dlrun: Dlrun, tried: list[str], text: str) -> None:
    Path("x.yaml").write_text(text)
    for words in (("recipe=x.yaml", "--quiet"), ("show", "recipe=x.yaml"), ("-m", "recipe=x.yaml", "seed=1,2")):
        code, _, err = dlrun(*words)
        assert code in (2, 3) or words[0] == "show", err
    dlrun("cat", "x.yaml")
    assert tried == []


def test_listing_and_folders_fetch_nothing(dlrun: Dlrun, tried: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("team").mkdir()
    Path("team/x.yaml").write_text(RECIPES[0])
    monkeypatch.setenv("DLRUN_RECIPES", f"{ADDRESSES[0]}:team")
    monkeypatch.setenv("COMP_LINE", f"dlrun recipe={ADDRESSES[0]}")
    assert dlrun("ls", "recipe")[0] == 0
    assert dlrun("--shell-completion", "query=bash")[0] == 0
    assert dlrun("show", "recipe=x")[0] == 2
    assert tried == []


def test_a_saved_run_is_read_from_its_folder_only(
    dlrun: Dlrun, short_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = short_run("run")
    config = (folder / "config.yaml").read_text()
    text = config.replace("format: 1", f"format: 1, extends: '{ADDRESSES[0]}@sha256:{HASH}'", 1)
    assert text != config
    (folder / "config.yaml").write_text(text)
    tried: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **named: tried.append(str(args)))
    code, _, err = dlrun("resume", "run")
    assert code == 2
    assert "is not on this machine" in err
    assert tried == []
