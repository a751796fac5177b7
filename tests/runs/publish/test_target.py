"""dlrun.runs.publish.target: where a run is published."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.publish.target import read_target


def test_a_new_folder_and_an_empty_one(own_folder: Path) -> None:
    (own_folder / "empty").mkdir()
    for name in ("new", "empty", "a/b/new"):
        target = read_target(name)
        assert (target.folder, target.repository, target.shown) == (own_folder / name, None, name)
    assert read_target("a/b/new").name == "new"


def test_what_exists_is_not_replaced(own_folder: Path) -> None:
    (own_folder / "full").mkdir()
    (own_folder / "full/file").write_text("mine")
    (own_folder / "here").mkdir()
    (own_folder / "link").symlink_to(own_folder / "here")
    for name in ("full", "full/file", "link", "."):
        with pytest.raises(ConfigError, match="It exists and is not an empty folder; nothing is replaced"):
            read_target(name)


def test_the_current_folder_is_no_new_one(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_folder / "empty").mkdir()
    monkeypatch.chdir(own_folder / "empty")
    with pytest.raises(ConfigError, match="This is the current folder; name a new one"):
        read_target(".")
    with pytest.raises(ConfigError, match="Expected a new folder, or hf://OWNER/NAME"):
        read_target("")


@pytest.mark.parametrize(
    "text",
    ["hf://", "hf://name", "hf://a/b/c", "hf://a/", "hf:///b", "hf://a/-b", "hf://a/b--c", "hf://a/..", "hf://a/b.git",
     "hf://a/b c", "hf://a/" + "b" * 97],
)  # fmt: skip
def test_a_name_that_is_none_of_a_repository(text: str) -> None:
    with pytest.raises(ConfigError, match="Expected hf://OWNER/NAME: a user or an organisation"):
        read_target(text)


@pytest.mark.parametrize(
    "text", ["https://example.org/model", "hf:/me/model", "hf:me/model", "huggingface.co/me/model"]
)
def test_other_addresses_and_mistyped_ones_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="Expected a folder or hf://OWNER/NAME; other addresses are not published to"):
        read_target(text)


def test_the_library_of_the_hub_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *words: Any, **named: Any) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigError, match=r"huggingface_hub, which is not installed: pip install \"dlrun\[hub\]\""):
        read_target("hf://owner/name")
