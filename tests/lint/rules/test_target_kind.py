from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.lint.rules.conftest import FindAll, noise, write_table

ID = "target-kind"


def arrays(path: Path, targets: np.ndarray) -> tuple[str, ...]:
    inputs = np.random.default_rng(0).normal(size=(len(targets), 3)).astype(np.float32)
    np.savez(path / "t.npz", inputs=inputs, targets=targets)
    return "dataset=arrays", f"dataset.path={path}/t.npz"


def test_two_classes_that_are_stored_as_numbers_are_found(find: FindAll, tmp_path: Path) -> None:
    words = arrays(tmp_path, np.tile([0.0, 1.0], 50).astype(np.float32))
    (found,) = find(ID, *words)
    assert (found.severity, found.key, found.fix) == ("warning", "dataset.task", "dataset.task=binary")
    assert "two values only" in found.message
    assert not find(ID, *words, found.fix)


def test_classes_of_a_table_that_are_forced_to_be_numbers_are_found(find: FindAll, tmp_path: Path) -> None:
    words = write_table(tmp_path / "t.csv", {"a": noise(60), "y": [0, 1] * 30})
    assert not find(ID, *words)
    (found,) = find(ID, *words, "dataset.task=regression")
    assert found.fix == "dataset.task=binary"


def test_whole_numbers_that_are_stored_as_classes_are_found(find: FindAll, tmp_path: Path) -> None:
    words = arrays(tmp_path, np.random.default_rng(0).integers(20, 200, size=150))
    (found,) = find(ID, *words)
    assert found.fix == "dataset.task=regression"
    assert "classes have at most 2 training rows, and all are numbers" in found.message
    assert not find(ID, *words, found.fix)


@pytest.mark.parametrize(
    "targets",
    [
        np.tile(np.arange(3.0, dtype=np.float32), 40),  # stars, perhaps
        np.tile(np.arange(30), 20),
        np.arange(60) % 15,
    ],
)
def test_numbers_and_classes_that_may_be_meant_are_fine(find: FindAll, tmp_path: Path, targets: np.ndarray) -> None:
    assert not find(ID, *arrays(tmp_path, targets))


def test_names_with_few_rows_each_are_classes(find: FindAll, tmp_path: Path) -> None:
    words = write_table(tmp_path / "t.csv", {"a": noise(60), "y": [f"c{row % 30}" for row in range(60)]})
    assert not find(ID, *words)


def test_a_dataset_with_targets_of_one_kind_is_fine(find: FindAll) -> None:
    assert not find(ID, "dataset=diabetes")
