"""dlrun.data.tables.target: numbers or classes, and targets that a model cannot learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import Column
from dlrun.data.tables.rows import read_rows
from dlrun.data.tables.target import Target, target_of
from dlrun.errors import ConfigError, DataError


def target(
    *values: str, kind: str = "category", task: str = "auto", skip_bad_rows: bool = False, test: list[str] | None = None
) -> Target:
    files = {}
    for split, column in (("train", list(values)), ("test", test)):
        if column is not None:
            Path(f"{split}.csv").write_text("\n".join(["x,y", *(f"1,{value}" for value in column)]) + "\n")
            files[split] = ArrowTable(Path(f"{split}.csv"))
    wanted = [Column("x", "number"), Column("y", kind)]
    rows = {split: read_rows(file, wanted) for split, file in files.items()}
    return target_of(files, rows, wanted[-1], task=task, skip_bad_rows=skip_bad_rows)


def test_texts_are_classes_by_name_and_numbers_by_value() -> None:
    found = target("no", "yes", "no", "yes")
    assert (found.goal, found.class_names, found.values["train"].tolist()) == ("binary", ["no", "yes"], [0, 1, 0, 1])
    found = target("10", "9", "10", "9", "2", "2", kind="number")
    assert (found.goal, found.class_names) == ("multiclass", ["2", "9", "10"])
    assert found.values["train"].tolist() == [2, 1, 2, 1, 0, 0]
    assert "these few integers are classes; to predict them as numbers: dataset.task=regression" in found.notices[0]


def test_many_or_fractional_numbers_are_a_regression() -> None:
    for values in ([str(i) for i in range(11)], ["0.5", "1", "0.5", "1"]):
        found = target(*values, kind="number")
        assert (found.goal, found.values["train"].tolist()) == ("regression", [float(value) for value in values])
    assert target("1", "2", "1", "2", kind="number", task="regression").goal == "regression"


def test_two_classes_can_be_multiclass() -> None:
    assert target("a", "b", "a", "b", task="multiclass").goal == "multiclass"
    with pytest.raises(ConfigError, match=r'The target "y" has 3 classes; use dataset\.task=multiclass'):
        target("a", "b", "c", "a", "b", "c", task="binary")


def test_a_target_with_one_value_is_reported() -> None:
    for kind in ("category", "number"):
        with pytest.raises(DataError, match='the target "y" is 1 in every row; there is nothing to learn'):
            target("1", "1", "1", kind=kind)


def test_a_class_with_one_row_is_reported_or_skipped() -> None:
    with pytest.raises(DataError, match='line 4, column "y": the class "c" has no other row'):
        target("a", "b", "c", "a", "b")
    found = target("a", "b", "c", "a", "b", skip_bad_rows=True)
    assert found.class_names == ["a", "b"]
    assert found.values["train"].tolist() == [0, 1, 0, 1]
    assert np.arange(5)[found.kept["train"]].tolist() == [0, 1, 3, 4]


def test_a_class_of_no_training_row_is_reported_with_its_line() -> None:
    assert target("a", "b", "a", test=["b", "a"]).values["test"].tolist() == [1, 0]
    with pytest.raises(DataError, match=r'test\.csv: line 3: no training row has the class "z" of "y"'):
        target("a", "b", "a", test=["b", "z"])


def test_more_than_a_thousand_classes_are_reported() -> None:
    with pytest.raises(DataError, match="has 1,001 distinct values; expected numbers or at most 1,000 classes"):
        target(*(f"c{i}" for i in range(1001)))


def test_a_rare_class_is_reported() -> None:
    found = target(*["a"] * 58, "b", "b")
    assert (
        "target: y: a 96.7%, b 3.3%; b is rare: compare macro_f1, and try loss=binary_cross_entropy" in found.notices[0]
    )
