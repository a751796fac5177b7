"""dataset=arrays: .npz, .npy and .safetensors, never unpickled."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.arrays import file as array_file
from dlrun.data.prepare import prepare
from dlrun.data.source import Source
from dlrun.errors import DataError, DlrunError
from dlrun.options.datasets.arrays import arrays, encoder
from tests.kill_and_resume import command, kill_and_resume, predictions

Dlrun = Callable[..., tuple[int, str, str]]


def source(path: str, **fields: Any) -> Source:
    asked = {"inputs": "inputs", "targets": "targets", "val": None, "test": None, "kind": "auto", "task": "auto"}
    return arrays(path=path, **{**asked, "in_memory": "auto", **fields})


def save(inputs: Any, targets: Any, path: str = "mine.npz") -> str:
    np.savez(path, inputs=np.asarray(inputs), targets=np.asarray(targets))
    return path


def test_arrays_are_trained_killed_resumed_evaluated_and_predicted_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere").mkdir()
    kill_and_resume(["recipe=arrays_wine", "trainer.epochs=3"], folder=tmp_path / "here")
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
def test_the_kind_is_inferred_from_the_shape(
    inputs: Any, kind: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    found = source(save(inputs, [0, 1, 0, 1]))
    rows = found.train.inputs
    assert (found.kind, rows.shape[1:], rows.dtype, found.goal) == (kind, shape, dtype, "binary")
    assert found.vocabulary_size == (10 if kind == "tokens" else None)


def test_every_format_gives_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, targets = np.arange(12, dtype=np.float32).reshape(4, 3), np.array([0.5, 1, 2, 3], dtype=np.float32)
    np.save("x.npy", inputs)
    np.save("y.npy", targets)
    save_file({"inputs": torch.from_numpy(inputs), "targets": torch.from_numpy(targets)}, "mine.safetensors")
    monkeypatch.setattr(array_file, "_MAPPED_BYTES", 0)
    for path, names in ((save(inputs, targets), {}), ("x.npy", {"targets": "y.npy"}), ("mine.safetensors", {})):
        found = source(path, **names)
        assert found.train.inputs.tolist() == inputs.tolist()
        assert found.train.targets.tolist() == [[0.5], [1], [2], [3]]
        assert found.goal == "regression"


@pytest.mark.parametrize(
    ("targets", "notices"),
    [
        (
            [0.0, 1.0, 0.0, 1.0],
            [
                "targets: 2 different whole numbers, of floating-point type, are predicted as numbers; "
                "to predict them as classes: dataset.task=binary"
            ],
        ),
        (
            [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]],
            [
                "targets: each row is a 1 among 2 numbers, which are predicted as numbers; "
                "to predict them as classes, save targets.argmax(axis=1)"
            ],
        ),
        ([0.5, 1.0, 2.0, 3.0], []),
        ([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], []),
    ],
)
def test_numbers_that_may_be_classes_are_told(targets: list[Any], notices: list[str]) -> None:
    path = save(np.zeros((4, 3)), np.array(targets))
    assert list(source(path).notices) == notices
    assert list(source(path, task="regression").notices) == []


def test_files_of_their_own_are_validation_and_test() -> None:
    for name in ("val.npz", "test.npz"):
        save(np.zeros((2, 3)), [0, 1], name)
    found = source(save(np.zeros((4, 3)), [0, 1, 0, 1]), val="val.npz", test="test.npz")
    assert found.val is not None
    assert found.test is not None
    assert len(found.val) == len(found.test) == 2


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_limit_applies_to_every_file(in_memory: bool) -> None:
    for name, count in (("train", 40), ("val", 30), ("test", 20)):
        part = {"inputs": torch.arange(2.0 * count).reshape(count, 2), "targets": torch.arange(count) % 2}
        save_file(part, f"{name}.safetensors")
    found = source("train.safetensors", val="val.safetensors", test="test.safetensors", in_memory=in_memory)
    data = prepare("arrays", found, DatasetSettings(limit=5, standardise=False))
    assert data.sizes == {"train": 5, "val": 5, "test": 5}
    for split in data.splits.values():
        first = split.fetch(slice(None)).inputs[:, 0]
        assert ((first / 2) % 2).tolist() == split.targets.tolist(), "a row keeps its target"


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("pwned",)


def test_objects_are_refused_and_never_run() -> None:
    np.savez("mine.npz", inputs=np.array([Evil()], dtype=object), targets=np.zeros(1))
    with pytest.raises(DataError, match=r"mine\.npz: it has Python objects, which may run code"):
        source("mine.npz")
    np.save("mine.npy", np.array([Evil()], dtype=object))
    with pytest.raises(DataError, match=r"mine\.npy: it has Python objects"):
        source("mine.npy", targets="mine.npy")
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    ("inputs", "targets", "fields", "message"),
    [
        (np.zeros(4), [0, 1, 0, 1], {}, r"inputs of shape \(4,\); expected \(rows, features\)"),
        (np.zeros((4, 3)), [0, 1, 0], {}, "4 inputs and 3 targets; each row needs both"),
        (np.zeros((4, 3)), [0, 0, 0, 0], {}, "the target is 0 in every row"),
        (np.zeros((4, 3)), [0, -1, 0, 1], {}, "expected classes as integers from 0"),
        (np.zeros((4, 3)), [0, 1, 2, 1], {"task": "binary"}, r"The targets have 3 classes; use multiclass"),
        (np.zeros((4, 3)), np.zeros((4, 2, 2)), {}, r"targets of shape \(4, 2, 2\); expected one for each row"),
        (np.array([["a"]] * 4), [0, 1, 0, 1], {}, "expected an array of numbers, got <U1"),
        (np.zeros((4, 8, 8, 3)), [0, 1, 0, 1], {}, "expected channels first"),
        (np.zeros((4, 3)), [0, 1, 0, 1], {"kind": "image"}, "image rows need 4 dimensions"),
        (np.full((4, 3), -1), [0, 1, 0, 1], {}, "expected tokens as integers from 0"),
        (
            np.zeros((4, 3)),
            [0, 1, 0, 1],
            {"inputs": "input"},
            r'no array "input"\. Did you mean "inputs"\? dataset.inputs and',
        ),
    ],
)
def test_bad_arrays_are_reported(inputs: Any, targets: Any, fields: dict[str, str], message: str) -> None:
    with pytest.raises(DlrunError, match=message):
        source(save(inputs, targets), **fields)


@pytest.mark.parametrize("name", ["mine.npz", "mine.npy", "mine.safetensors"])
def test_damaged_files_are_reported(name: str) -> None:
    Path(name).write_bytes(b"\x93NUMPY and then nothing")
    with pytest.raises(DataError, match=rf"{name}: cannot be read as (arrays|safetensors)"):
        source(name, targets="mine.npy")


def test_the_targets_of_a_npy_file_are_in_the_same_folder() -> None:
    np.save("x.npy", np.zeros((2, 2)))
    with pytest.raises(DlrunError, match="Expected the name of a file in the same folder"):
        source("x.npy", targets="../y.npy")
    with pytest.raises(DataError, match=r"expected a file ending in \.npy"):
        source(str(Path("mine.bin").write_bytes(b"x") and "mine.bin"))


def test_new_tokens_beyond_the_vocabulary_are_reported() -> None:
    np.save("new.npy", np.array([[0, 12]]))
    with pytest.raises(DataError, match="token 12; the run was trained on 0 to 9"):
        encoder({"kind": "tokens", "name": "inputs", "vocabulary_size": 10}).encode(Path("new.npy"))


def numbers(rows: int, features: int) -> None:
    """x.npy, y.npy and both.safetensors: the class is whether the first number is above 0."""
    x = np.random.default_rng(0).normal(size=(rows, features)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    np.save("x.npy", x)
    np.save("y.npy", y)
    save_file({"inputs": torch.from_numpy(x), "targets": torch.from_numpy(y)}, "both.safetensors")


def test_weights_are_the_same_in_memory_and_read_as_needed(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlrun.data.loading import reader as reading

    monkeypatch.setattr(reading, "_BLOCK_BYTES", 4096)
    numbers(900, 6)
    written, fingerprints = set(), set()
    for number, words in enumerate(
        (
            ["dataset.path=x.npy", "dataset.targets=y.npy", "dataset.in_memory=true"],
            ["dataset.path=x.npy", "dataset.targets=y.npy", "dataset.in_memory=false"],
            ["dataset.path=both.safetensors", "dataset.in_memory=false", "trainer.workers=1"],
        )
    ):
        code, _, err = dlrun(
            "dataset=arrays", *words, "model=linear", "trainer.epochs=2", "device.threads=1", "device=cpu",
            f"hydra.run.dir={number}",
        )  # fmt: skip
        assert code == 0, err
        assert ("read from their files when needed" in err) == (number > 0)
        last = Path(f"{number}/checkpoints/last").read_text().strip()
        written.add(Path(f"{number}/checkpoints/{last}/model.safetensors").read_bytes())
        fingerprints.add(json.loads(Path(f"{number}/result.json").read_text())["dataset"]["fingerprint"])
    assert len(written) == len(fingerprints) == 1


def test_rows_read_as_needed_are_checked_before_training() -> None:
    x = np.ones((500, 3), dtype=np.float32)
    x[321, 1] = np.inf
    np.save("x.npy", x)
    np.save("y.npy", np.arange(500) % 2)
    found = source("x.npy", targets="y.npy", in_memory=False)
    with pytest.raises(DataError, match="arrays: row 321 has an input that is not a finite number"):
        prepare("arrays", found, DatasetSettings())
    np.savez("x.npz", inputs=x, targets=np.arange(500) % 2)
    with pytest.raises(
        DlrunError, match=r'rows of "inputs" in x\.npz are not stored one after the other.*\.npy in C order'
    ):
        source("x.npz", in_memory=False)


def test_an_array_that_unpacks_to_more_than_memory_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed("mine.npz", inputs=np.zeros((1000, 1000), dtype=np.float32), targets=np.zeros(1000))
    assert Path("mine.npz").stat().st_size < 20_000
    monkeypatch.setattr(array_file, "own_memory", lambda: 7 << 20)
    message = (
        'the array "inputs" unpacks to 4 MiB and must fit into memory twice; 7 MiB are free for this process. Save it '
        "as .npy"
    )
    with pytest.raises(DataError, match=re.escape(message)):
        source("mine.npz")


def test_new_rows_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlrun.data.loading import reader as reading

    numbers(100, 3)
    made = encoder({"kind": "dense", "name": "inputs", "vocabulary_size": None})
    whole = made.encode(Path("x.npy")).inputs
    monkeypatch.setattr(reading, "_BLOCK_BYTES", 7 * 12)
    blocks = [chunk.inputs for chunk in made.chunks(Path("both.safetensors"))]
    assert [len(block) for block in blocks] == [7] * 14 + [2]
    assert torch.equal(torch.cat(blocks), whole)
