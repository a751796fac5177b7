from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.lint.rules.conftest import FindAll, noise, write_table


def test_no_validation_rows_are_found_with_the_share_that_holds_some_out(find: FindAll) -> None:
    (found,) = find("no-validation", "dataset=iris", "dataset.val_fraction=0")
    assert (found.severity, found.key, found.fix) == (
        "warning",
        "dataset.val_fraction",
        "dataset.val_fraction=0.1",
    )
    assert "the last epoch is kept, not the best one by accuracy" in found.message
    assert "choosing settings by the accuracy of the test rows" in found.message
    assert not find("no-validation", "dataset=iris", found.fix)


def test_a_metric_of_the_training_rows_is_called_one(find: FindAll) -> None:
    (found,) = find("no-validation", "dataset=diabetes", "dataset.val_fraction=0", "dataset.test_fraction=0")
    assert "the rmse reported is that of the training rows" in found.message


def test_a_share_that_holds_no_row_out_is_raised_until_it_does(find: FindAll, tmp_path: Path) -> None:
    words = write_table(
        tmp_path / "t.csv", {"a": noise(16), "y": ["a", "b", "c", "d"] * 4}
    )  # of 4 rows, 1 for the test
    (found,) = find("no-validation", *words)
    assert "0.1 of so few rows are none" in found.message
    assert found.fix == "dataset.val_fraction=0.2"  # 0.6 of the 3 rows, rounded
    assert not find("no-validation", *words, found.fix)


def test_there_is_no_cure_where_all_rows_are_needed(find: FindAll, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", inputs=np.eye(4, dtype=np.float32), targets=np.arange(4))
    (found,) = find("no-validation", "dataset=arrays", f"dataset.path={tmp_path}/t.npz", "dataset.test_fraction=0")
    assert found.fix is None


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=line", "dataset.val_fraction=0"),
        ("dataset=random_images", "dataset.val_fraction=0", "dataset.test_fraction=0"),
        ("dataset=digits", "model=gan", "dataset.val_fraction=0"),
        ("dataset=iris",),
    ],
)
def test_generated_rows_and_generators_need_none(find: FindAll, words: tuple[str, ...]) -> None:
    assert not find("no-validation", *words)


def test_the_last_training_on_all_rows_needs_none(find: FindAll, tmp_path: Path) -> None:
    words = write_table(tmp_path / "t.csv", {"a": noise(60), "y": ["yes", "no"] * 30})
    last = (*words, f"dataset.test={tmp_path}/t.csv", "dataset.val_fraction=0", "model=mlp", "model.dropout=0.2")
    assert not find("no-validation", *last, "scheduler=cosine")
    assert find("no-validation", *last, "scheduler=none")
    assert find("no-validation", *last, "scheduler=cosine", "model.dropout=0", "optimizer=sgd")
