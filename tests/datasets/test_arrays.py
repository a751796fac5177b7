"""dataset=arrays: .npz, .npy and .safetensors, never unpickled."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dlrun.data import array_file
from dlrun.data.spec import Source
from dlrun.datasets.arrays import arrays, encoder
from dlrun.errors import DataError, DlrunError
from tests.datasets.kinds import command, predictions, train_kill_resume_evaluate

Dlrun = Callable[..., tuple[int, str, str]]


def source(path: str, **fields: Any) -> Source:
    asked = {"inputs": "inputs", "targets": "targets", "val": None, "test": None, "kind": "auto", "task": "auto"}
    return arrays(path=path, **{**asked, "in_memory": "auto", **fields})


def save(inputs: Any, targets: Any, path: str = "mine.npz") -> str:
    np.savez(path, inputs=np.asarray(inputs), targets=np.asarray(targets))
    return path


def test_arrays_are_trained_killed_gone_on_with_evaluated_and_asked_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere").mkdir()
    train_kill_resume_evaluate(["recipe=arrays_wine", "trainer.epochs=3"], tmp_path / "here")
    np.save(tmp_path / "elsewhere/new.npy", np.ones((5, 13), dtype=np.float64))
    found = predictions(tmp_path / "here/killed", "new.npy", "--probabilities", folder=tmp_path / "elsewhere")
    assert len(found) == 5
    assert {row["prediction"] for row in found} <= {"0", "1", "2"}
    np.save(tmp_path / "elsewhere/wide.npy", np.ones((5, 14)))
    wide = command("predict", str(tmp_path / "here/killed"), "wide.npy", folder=tmp_path / "elsewhere")
    assert wide.returncode == 3
    assert "Expected rows of shape (13,)" in wide.stderr


@pytest.mark.parametrize(
    ("inputs", "kind", "shape", "dtype"),
    [
        (np.zeros((4, 3)), "dense", (3,), torch.float32),
        (np.zeros((4, 5, 3), dtype=np.float32), "sequence", (5, 3), torch.float32),
        (np.zeros((4, 3, 8, 8), dtype=np.uint8), "image", (3, 8, 8), torch.uint8),
        (np.zeros((4, 8, 8), dtype=np.uint8), "image", (1, 8, 8), torch.uint8),
        (np.full((4, 6), 9, dtype=np.int32), "tokens", (6,), torch.int64),
        (np.zeros((4, 3), dtype=">f8"), "dense", (3,), torch.float32),
    ],
)
def test_the_kind_is_read_off_the_shape(inputs: Any, kind: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    found = source(save(inputs, [0, 1, 0, 1]))
    assert (found.kind, found.inputs.shape[1:], found.inputs.dtype, found.goal) == (kind, shape, dtype, "binary")
    assert found.vocabulary_size == (10 if kind == "tokens" else None)


def test_every_format_gives_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, targets = np.arange(12, dtype=np.float32).reshape(4, 3), np.array([0.5, 1, 2, 3], dtype=np.float32)
    np.save("x.npy", inputs)
    np.save("y.npy", targets)
    save_file({"inputs": torch.from_numpy(inputs), "targets": torch.from_numpy(targets)}, "mine.safetensors")
    monkeypatch.setattr(array_file, "_MAPPED_BYTES", 0)
    for path, names in ((save(inputs, targets), {}), ("x.npy", {"targets": "y.npy"}), ("mine.safetensors", {})):
        found = source(path, **names)
        assert found.inputs.tolist() == inputs.tolist()
        assert found.targets.tolist() == [[0.5], [1], [2], [3]]
        assert found.goal == "regression"


def test_files_of_their_own_are_validation_and_test() -> None:
    for name in ("val.npz", "test.npz"):
        save(np.zeros((2, 3)), [0, 1], name)
    found = source(save(np.zeros((4, 3)), [0, 1, 0, 1]), val="val.npz", test="test.npz")
    assert found.val_inputs is not None
    assert found.test_inputs is not None
    assert len(found.val_inputs) == len(found.test_inputs) == 2


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("pwned",)


def test_objects_are_refused_and_never_run() -> None:
    np.savez("mine.npz", inputs=np.array([Evil()], dtype=object), targets=np.zeros(1))
    with pytest.raises(DataError, match=r"mine\.npz: it holds Python objects, which may run code"):
        source("mine.npz")
    np.save("mine.npy", np.array([Evil()], dtype=object))
    with pytest.raises(DataError, match=r"mine\.npy: it holds Python objects"):
        source("mine.npy", targets="mine.npy")
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    ("inputs", "targets", "fields", "message"),
    [
        (np.zeros(4), [0, 1, 0, 1], {}, r"inputs of shape \(4,\); expected \(rows, features\)"),
        (np.zeros((4, 3)), [0, 1, 0], {}, "4 inputs and 3 targets; each row needs both"),
        (np.zeros((4, 3)), [0, 0, 0, 0], {}, "the target is 0 in every row"),
        (np.zeros((4, 3)), [0, -1, 0, 1], {}, "classes must be whole numbers from 0 up"),
        (np.zeros((4, 3)), [0, 1, 2, 1], {"task": "binary"}, r"The targets have 3 classes; use multiclass"),
        (np.zeros((4, 3)), np.zeros((4, 2, 2)), {}, r"targets of shape \(4, 2, 2\); expected one a row"),
        (np.array([["a"]] * 4), [0, 1, 0, 1], {}, "expected an array of numbers, got <U1"),
        (np.zeros((4, 8, 8, 3)), [0, 1, 0, 1], {}, "expected channels first"),
        (np.zeros((4, 3)), [0, 1, 0, 1], {"kind": "image"}, "image rows need 4 dimensions"),
        (np.full((4, 3), -1), [0, 1, 0, 1], {}, "tokens must be whole numbers from 0 up"),
        (np.zeros((4, 3)), [0, 1, 0, 1], {"inputs": "input"}, 'there is no array "input". Did you mean "inputs"'),
    ],
)
def test_bad_arrays_are_told(inputs: Any, targets: Any, fields: dict[str, str], message: str) -> None:
    with pytest.raises(DlrunError, match=message):
        source(save(inputs, targets), **fields)


@pytest.mark.parametrize("name", ["mine.npz", "mine.npy", "mine.safetensors"])
def test_damaged_files_are_told(name: str) -> None:
    Path(name).write_bytes(b"\x93NUMPY and then nothing")
    with pytest.raises(DataError, match=rf"{name}: (not a file of arrays that can be read|damaged)"):
        source(name, targets="mine.npy")


def test_the_targets_of_a_npy_file_lie_beside_it() -> None:
    np.save("x.npy", np.zeros((2, 2)))
    with pytest.raises(DlrunError, match="Expected the name of a file beside it"):
        source("x.npy", targets="../y.npy")
    with pytest.raises(DataError, match=r"expected a file ending in \.npy"):
        source(str(Path("mine.bin").write_bytes(b"x") and "mine.bin"))


def test_new_tokens_beyond_the_vocabulary_are_told() -> None:
    np.save("new.npy", np.array([[0, 12]]))
    with pytest.raises(DataError, match="token 12; the run was trained on 0 to 9"):
        encoder({"kind": "tokens", "name": "inputs", "vocabulary_size": 10}).encode(Path("new.npy"))
