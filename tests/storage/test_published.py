"""dlrun.storage.published: folders of models, written whole and read as a stranger's."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from dlrun.errors import StorageError
from dlrun.storage import disk
from dlrun.storage.published import (
    is_published,
    load_published,
    read_manifest,
    read_published,
    verify_published,
    write_published,
)
from dlrun.storage.sealed import sealed_manifest

FILES = {
    "README.md": b"# A model\n",
    "config.yaml": b"seed: 0\n",
    "model.json": b'{"step": 7, "about": {"fingerprint": "f"}}',
    "model.safetensors": safetensors.torch.save({"weight": torch.tensor([1.0, 2.0])}),
}


@pytest.fixture
def model(own_folder: Path) -> Path:
    write_published(own_folder / "model", FILES)
    return own_folder / "model"


def _reseal(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    (folder / "manifest.json").write_bytes(sealed_manifest({**manifest, **changes}))


def _listed(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["files"]
    return found


def test_what_is_written_is_read(model: Path) -> None:
    assert is_published(model)
    assert sorted(path.name for path in model.iterdir()) == sorted([*FILES, "manifest.json"])
    assert read_published(model, "config.yaml", read_manifest(model)) == b"seed: 0\n"
    found = load_published(model)
    assert (found.step, found.values) == (7, {"about": {"fingerprint": "f"}})
    assert found.tensors["model"]["weight"].tolist() == [1.0, 2.0]


def test_a_run_is_no_published_model(model: Path, own_folder: Path) -> None:
    assert not is_published(own_folder)
    (model / "checkpoints").mkdir()
    assert not is_published(model)


def test_an_empty_folder_is_replaced_and_a_full_one_is_not(own_folder: Path) -> None:
    (own_folder / "a" / "empty").mkdir(parents=True)
    write_published(own_folder / "a" / "empty", FILES)
    with pytest.raises(StorageError, match=r"empty: could not be written"):
        write_published(own_folder / "a" / "empty", FILES)
    assert [path.name for path in (own_folder / "a").iterdir()] == ["empty"]


@pytest.mark.parametrize("call", ["create", "write", "sync", "rename", "make_folder"])
def test_what_fails_leaves_nothing(own_folder: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fail(*words: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk.disk, call, fail)
    with pytest.raises(StorageError, match="No space left on device"):
        write_published(own_folder / "model", FILES)
    assert list(own_folder.iterdir()) == []


@pytest.mark.parametrize("name", ["config.yaml", "model.json", "model.safetensors"])
def test_every_byte_is_verified_but_those_of_the_card(model: Path, name: str) -> None:
    (model / "README.md").write_text("What its author wrote\n")
    assert load_published(model).step == 7
    content = bytearray((model / name).read_bytes())
    content[-2] ^= 1
    (model / name).write_bytes(content)
    with pytest.raises(StorageError, match=rf"{name}: damaged: its SHA-256 does not match the manifest"):
        verify_published(model, read_manifest(model))
    with pytest.raises(StorageError, match=rf"{name}: damaged"):
        load_published(model)
    (model / name).write_bytes(b"")
    with pytest.raises(StorageError, match=rf"{name}: damaged: 0 bytes, the manifest says {len(content)}"):
        load_published(model)
    (model / name).unlink()
    with pytest.raises(StorageError, match=rf"{name}: cannot be read"):
        load_published(model)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "it is not the manifest of a published model"),
        ({"version": 2}, "written in version 2; this version of dlrun reads 1"),
        ({"files": []}, "it lists no files"),
        ({"files": {"model.json": 3}}, "it lists no files"),
        ({"files": {"model.json": {"bytes": -1, "sha256": ""}}}, "it lists no files"),
        ({"files": {}}, r"it does not list config\.yaml, model\.safetensors, model\.json"),
    ],
)
def test_a_manifest_that_is_none_is_refused(model: Path, changes: Mapping[str, Any], message: str) -> None:
    _reseal(model, **changes)
    with pytest.raises(StorageError, match=message):
        read_manifest(model)


def test_a_manifest_that_was_changed_is_refused(model: Path) -> None:
    path = model / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"bytes":8', b'"bytes":9'))
    with pytest.raises(StorageError, match="its SHA-256 does not match its content"):
        read_manifest(model)
    for content in (b"{", b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(StorageError, match=r"damaged: not JSON|bytes, expected at most"):
            read_manifest(model)
    path.write_bytes(b" " * 70_000)
    with pytest.raises(StorageError, match="it has 70,000 bytes, expected at most 65,536"):
        read_manifest(model)


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "code.py", "sub/model.json", "\x1b[2J"])
def test_no_other_file_is_opened(model: Path, own_folder: Path, name: str) -> None:
    (own_folder / "secret.txt").write_text("mine")
    _reseal(model, files={**_listed(model), name: {"bytes": 4, "sha256": "0"}})
    with pytest.raises(StorageError, match="is no file of a published model") as error:
        read_manifest(model)
    assert "\x1b" not in str(error.value)


def test_a_known_file_that_the_manifest_does_not_name_is_refused(model: Path) -> None:
    (model / "pytorch_model.bin").write_bytes(b"anything")
    assert load_published(model).step == 7
    (model / "forecast.json").write_text("{}")
    with pytest.raises(StorageError, match=r"forecast\.json: the manifest does not list this file; remove it"):
        read_manifest(model)


@pytest.mark.parametrize("name", ["model.json", "manifest.json", "README.md", "another"])
def test_links_are_refused_with_what_to_do(model: Path, own_folder: Path, name: str) -> None:
    place = own_folder / "elsewhere"
    (model / name).rename(place) if (model / name).exists() else place.write_text("x")
    (model / name).symlink_to(place)
    with pytest.raises(StorageError, match=rf"{name}: it is a link.*hf download OWNER/NAME --local-dir FOLDER"):
        load_published(model)


def test_what_is_no_file_is_not_waited_for(model: Path) -> None:
    (model / "model.json").unlink()
    os.mkfifo(model / "model.json")
    with pytest.raises(StorageError, match=r"model\.json: cannot be read"):
        load_published(model)


@pytest.mark.parametrize(
    "change", [{"model.safetensors": b"\x80\x04\x8c\x05posix."}, {"model.json": b"[]"}, {"model.json": b'{"step": 1}'}]
)
def test_verified_bytes_may_still_be_anything(own_folder: Path, change: Mapping[str, bytes]) -> None:
    write_published(own_folder / "model", {**FILES, **change})
    with pytest.raises(StorageError, match="its content is not that of a checkpoint"):
        load_published(own_folder / "model")
