from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.rules.conftest import FindAll, labels, noise, write_table

ID = "unequal-classes"
COUNT = 200


def words_of(path: Path, rare: int) -> tuple[str, ...]:
    """200 rows of which `rare` are of the second class."""
    return write_table(path / "t.csv", {"a": noise(COUNT), "y": labels(row < rare for row in range(COUNT))})


def test_a_class_of_nearly_all_rows_needs_another_metric(find: FindAll, tmp_path: Path) -> None:
    words = words_of(tmp_path, 10)
    (found,) = find(ID, *words)
    assert (found.severity, found.key, found.fix) == ("warning", "metric", "metric=auroc")
    assert found.message.startswith(
        "95.1% of the training rows are no: "
    )  # 137 of 144: 2 of 10 for the test, 1 to validate
    assert not find(ID, *words, found.fix)
    weighted = ("loss=binary_cross_entropy", "loss.class_weights=balanced")
    assert not find(ID, *words, *weighted)


def test_of_several_classes_it_is_macro_f1(find: FindAll, tmp_path: Path) -> None:
    classes = ["a"] * 184 + ["b"] * 8 + ["c"] * 8
    (found,) = find(ID, *write_table(tmp_path / "t.csv", {"a": noise(COUNT), "y": classes}))
    assert found.fix == "metric=macro_f1"


def test_weights_of_rows_count(find: FindAll, tmp_path: Path) -> None:
    columns = {"w": [19] * 10 + [1] * 190, "a": noise(COUNT), "y": labels(row < 10 for row in range(COUNT))}
    assert not find(ID, *write_table(tmp_path / "t.csv", columns), "dataset.weight=w")


@pytest.mark.parametrize("rare", [30, 100])
def test_less_unequal_classes_are_fine(find: FindAll, tmp_path: Path, rare: int) -> None:
    assert not find(ID, *words_of(tmp_path, rare))


def test_numbers_have_no_classes(find: FindAll) -> None:
    assert not find(ID, "dataset=diabetes")
