"""dlrun.storage.checkpoints: checkpoints are written whole, verified when loaded, and removed when old."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from dlrun.errors import StorageError
from dlrun.storage.checkpoints import CheckpointStore, Snapshot, load_best, load_snapshot


def snapshot(step: int, *, best: int | None = None) -> Snapshot:
    values = {"note": step} if best is None else {"note": step, "progress": {"best": {"step": best}}}
    return Snapshot(step, {"model": {"weight": torch.full((2, 3), float(step))}}, values)


def test_a_saved_snapshot_is_loaded(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "checkpoints")
    store.save(snapshot(7), is_best=True)
    loaded = store.load_best()
    assert loaded.step == 7
    assert loaded.values == {"note": 7}
    assert torch.equal(loaded.tensors["model"]["weight"], torch.full((2, 3), 7.0))
    assert store.pointer("last") == store.pointer("best") == "step-7"


def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    for step in (1, 2, 3, 4, 5):
        store.save(snapshot(step, best=2 if step >= 2 else None), is_best=step == 2)
    assert store.steps() == [2, 4, 5]
    assert store.load_best().step == 2
    newest, errors = store.load_newest()
    assert newest is not None
    assert newest.step == 5
    assert errors == []


def test_the_manifest_lists_size_and_digest_of_every_file(tmp_path: Path) -> None:
    import hashlib

    CheckpointStore(tmp_path).save(snapshot(1), is_best=False)
    manifest = json.loads((tmp_path / "step-1" / "manifest.json").read_text())
    assert sorted(manifest["files"]) == ["model.safetensors", "state.json"]
    content = (tmp_path / "step-1" / "model.safetensors").read_bytes()
    assert manifest["files"]["model.safetensors"] == {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert manifest["format"] == 1


@pytest.mark.parametrize("name", ["model.safetensors", "state.json"])
def test_a_flipped_bit_is_detected(tmp_path: Path, name: str) -> None:
    CheckpointStore(tmp_path).save(snapshot(1), is_best=False)
    path = tmp_path / "step-1" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(StorageError, match=rf"{name}: damaged: its SHA-256 does not match the manifest"):
        load_snapshot(tmp_path / "step-1")


def test_a_truncated_file_is_detected(tmp_path: Path) -> None:
    CheckpointStore(tmp_path).save(snapshot(1), is_best=False)
    path = tmp_path / "step-1" / "state.json"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StorageError, match=r"state.json: damaged: 9 bytes, the manifest says 10"):
        load_snapshot(tmp_path / "step-1")


def test_a_missing_file_is_detected(tmp_path: Path) -> None:
    CheckpointStore(tmp_path).save(snapshot(1), is_best=False)
    (tmp_path / "step-1" / "model.safetensors").unlink()
    with pytest.raises(StorageError, match=r"model.safetensors: cannot be read \(No such file or directory\)"):
        load_snapshot(tmp_path / "step-1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged: not JSON"),
        ("[]", "damaged: not a mapping"),
        ("{}", "damaged: it lists no files"),
        ('{"files": {}, "format": 2}', "written in format 2; this version of dlrun reads 1"),
        ('{"files": {}, "format": 1}', "damaged: it does not list model and state"),
        ('{"files": {"../x": {"bytes": 0, "sha256": ""}}, "format": 1}', "damaged: '../x' is not a file name"),
    ],
)
def test_a_damaged_manifest_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    CheckpointStore(tmp_path).save(snapshot(1), is_best=False)
    (tmp_path / "step-1" / "manifest.json").write_text(text)
    with pytest.raises(StorageError, match=message):
        load_snapshot(tmp_path / "step-1")


def test_a_damaged_newest_checkpoint_is_reported_and_set_aside(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.save(snapshot(1), is_best=False)
    store.save(snapshot(2), is_best=False)
    (tmp_path / "step-2" / "state.json").write_text("{}")
    newest, errors = store.load_newest()
    assert newest is not None
    assert newest.step == 1
    assert len(errors) == 1
    assert "step-2" in errors[0]
    assert [path.name for path in store.set_aside_newer(1)] == ["step-2.damaged"]
    assert store.steps() == [1]


def test_the_newest_is_found_without_last_and_best(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.save(snapshot(3), is_best=True)
    (tmp_path / "last").unlink()
    (tmp_path / "best").unlink()
    newest, _ = store.load_newest()
    assert newest is not None
    assert newest.step == 3


def test_no_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no checkpoint yet"):
        CheckpointStore(tmp_path / "none").load_best()
    with pytest.raises(StorageError) as found:
        load_best(tmp_path / "none")
    assert str(found.value) == (
        f"{tmp_path}/none/checkpoints: there is no checkpoint; `dlrun resume {tmp_path}/none` trains from the start."
    )
    assert CheckpointStore(tmp_path / "none").load_newest() == (None, [])


def test_a_best_checkpoint_that_is_gone_is_told_as_that(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "checkpoints")
    store.save(snapshot(1), is_best=True)
    store.save(snapshot(2, best=1), is_best=False)
    shutil.rmtree(tmp_path / "checkpoints" / "step-1")
    with pytest.raises(StorageError) as found:
        load_best(tmp_path)
    assert str(found.value) == (
        f"{tmp_path}/checkpoints/step-1/manifest.json: cannot be read (No such file or directory).\n"
        f"      The best checkpoint of the run is needed; `dlrun recipe={tmp_path}/config.yaml` trains the run again."
    )


def test_a_failed_save_keeps_the_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CheckpointStore(tmp_path)
    store.save(snapshot(1), is_best=True)

    def refuse(path: Path, pieces: object) -> None:
        raise StorageError(f"{path}: could not be written (No space left on device).")

    monkeypatch.setattr("dlrun.storage.checkpoints.write_pieces", refuse)
    with pytest.raises(StorageError):
        store.save(snapshot(2), is_best=True)
    assert store.load_best().step == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "last", "step-1"]


def test_swapped_files_are_detected(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.save(snapshot(1), is_best=False)
    store.save(snapshot(2), is_best=False)
    shutil.copy(tmp_path / "step-1" / "model.safetensors", tmp_path / "step-2" / "model.safetensors")
    with pytest.raises(StorageError, match="SHA-256"):
        load_snapshot(tmp_path / "step-2")


def test_a_checkpoint_that_was_being_replaced_gets_its_name_back(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.save(snapshot(1), is_best=False)
    (tmp_path / "step-1").rename(tmp_path / ".step-1.before")
    (tmp_path / ".step-1.99.tmp").mkdir()
    assert store.recover() == [f"{tmp_path / 'step-1'} was being replaced when the run was killed; it is restored."]
    assert load_snapshot(tmp_path / "step-1").step == 1
    shutil.copytree(tmp_path / "step-1", tmp_path / ".step-1.before")
    assert store.recover() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last", "step-1"]


def test_a_second_damaged_checkpoint_of_a_step_gets_a_number(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    (tmp_path / "step-2.damaged").mkdir()
    (tmp_path / "step-2").mkdir()
    assert store.set_aside_newer(1) == [tmp_path / "step-2.damaged_2"]


def test_cleaning_without_a_whole_checkpoint_removes_nothing(tmp_path: Path) -> None:
    (tmp_path / "step-2").mkdir()
    assert CheckpointStore(tmp_path).clean() == []
    assert (tmp_path / "step-2").is_dir()


def test_the_best_is_found_without_a_damaged_newest_checkpoint(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.save(snapshot(1, best=1), is_best=True)
    store.save(snapshot(2, best=2), is_best=True)
    (tmp_path / "step-2" / "state.json").write_text("{}")
    assert store.load_best().step == 1
    (tmp_path / "step-1" / "manifest.json").write_text("{")
    with pytest.raises(StorageError, match=r"step-2.*damaged: 2 bytes(.|\n)*step-1.*damaged: not JSON"):
        store.load_best()


def test_cleaning_removes_damaged_checkpoints(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    for step in (1, 2):
        store.save(snapshot(step), is_best=False)
    (tmp_path / "step-2" / "state.json").write_text("{}")
    assert store.clean() == [tmp_path / "step-2"]
    assert store.steps() == [1]
