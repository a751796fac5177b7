"""dlrun.storage.checkpoint_format: a manifest that was changed, or is of another step, is detected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dlrun.errors import StorageError
from dlrun.storage.checkpoint_format import Snapshot, best_step, encode, load_snapshot, load_values, sealed_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a checkpoint of step 7."""
    values = {"progress": {"best": {"step": 3}}}
    for name, content in encode(Snapshot(7, {"model": {"weight": torch.ones(2, 3)}}, values)).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_snapshot_is_read_as_it_was_written(folder: Path) -> None:
    snapshot = load_snapshot(folder, step=7)
    assert (snapshot.step, snapshot.best_step) == (7, 3)
    assert torch.equal(snapshot.tensors["model"]["weight"], torch.ones(2, 3))
    assert load_values(folder) == {"progress": {"best": {"step": 3}}}
    assert best_step({}) is None


def test_a_checkpoint_of_another_step_is_an_error(folder: Path) -> None:
    with pytest.raises(StorageError, match="damaged: it is of step 7, but the folder is of step 8"):
        load_snapshot(folder, step=8)


def test_a_changed_manifest_is_detected_by_its_own_digest(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "step": 8}))
    with pytest.raises(StorageError, match="damaged: its SHA-256 does not match its content"):
        load_values(folder)
    del manifest["sha256"]
    (folder / "manifest.json").write_bytes(sealed_manifest({**manifest, "step": 8}))
    assert load_snapshot(folder).step == 8
