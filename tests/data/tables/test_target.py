"""dlrun.data.tables.target: numbers or classes, and targets that a model cannot learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import Column
from dlrun.data.tables.rows import read_rows
from dlrun.data.tables.target import Target, are_codes, target_of
from dlrun.errors import ConfigError, DataError


def target(*values: str, kind: str = "category", task: str = "auto", test: list[str] | None = None) -> Target:
    files = {}
    for split, column in (("train", list(values)), ("test", test)):
        if column is not None:
            Path(f"{split}.csv").write_text("\n".join(["x,y", *(f"1,{value}" for value in column)]) + "\n")
            files[split] = ArrowTable(Path(f"{split}.csv"))
    wanted = [Column("x", "number"), Column("y", kind)]
    rows = {split: read_rows(file, wanted) for split, file in files.items()}
    return target_of(files, rows, wanted[-1], task=task)


def test_texts_are_classes_by_name_and_numbers_by_value() -> None:
    found = target("no", "yes", "no", "yes")
    assert (found.goal, found.class_names, found.values["train"].tolist()) == ("binary", ["no", "yes"], [0, 1, 0, 1])
    found = target("2", "1", "2", "1", "0", "0", kind="number")
    assert (found.goal, found.class_names) == ("multiclass", ["0", "1", "2"])
    assert found.values["train"].tolist() == [2, 1, 2, 1, 0, 0]
    assert target("10", "9", "10", "9", "2", "2").class_names == ["2", "9", "10"]
    told = "these numbers are predicted as classes; to predict them as numbers: dataset.task=regression"
    assert told in found.notices[0]


def test_many_or_fractional_numbers_are_a_regression() -> None:
    for values in ([str(i) for i in range(11)], ["0.5", "1", "0.5", "2"]):
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


def test_classes_of_one_or_two_rows_are_told() -> None:
    found = target(*"aaabbbcdd")
    assert found.class_names == ["a", "b", "c", "d"]
    assert found.notices[1] == ("target: y: too few rows to hold any out, all are trained on: c (1 row), d (2 rows)")
    assert found.judged == {"alone": True}
    assert target(*"aaabbbdd").judged == {}
    assert len(target(*"aaabbb").notices) == 1
    assert len(target(*"aaabbbc", test=["a"]).notices) == 2
    many = target(*(f"c{i}" for i in range(12)))
    assert many.notices[1].endswith("c7 (1 row), ...")


def test_a_class_only_of_rows_that_are_not_used_is_none() -> None:
    Path("train.csv").write_text("x,y\n1,a\n,b\n1,c\n2,a\n")
    files = {"train": ArrowTable(Path("train.csv"))}
    columns = [Column("x", "number"), Column("y", "category")]
    rows = {"train": read_rows(files["train"], columns, missing="drop")}
    assert target_of(files, rows, columns[-1], task="auto").class_names == ["a", "c"]


@pytest.mark.parametrize(
    ("counts", "are"),
    [
        ({0: 1, 1: 99}, True),
        ({0.5: 3, 1.25: 3}, True),  # two distinct ones
        ({0: 232, 1: 25, 2: 161}, True),
        ({1: 23, 2: 24, 3: 2, 4: 37, 5: 20}, True),
        ({-1: 10, 0: 10, 1: 10}, True),
        ({2: 10, 3: 10, 4: 10}, False),  # from neither -1, 0 nor 1
        ({4: 11, 6: 7, 8: 14}, False),  # gaps
        ({0: 159, 1: 24, 2: 5, 3: 1}, False),  # a count, which thins out
        ({0: 50, 1: 47, 2: 3}, True),
        ({0: 50, 1: 48, 2: 2}, False),
        ({0: 5, 0.5: 5, 1: 5}, False),
        (dict.fromkeys(range(10), 10), True),
        (dict.fromkeys(range(11), 10), False),
        ({0: 1, 1: 1, 2: 4}, True),
        ({0: 1, 1: 1, 2: 3}, False),  # fewer than two rows for each
    ],
)
def test_numbers_are_classes_if_they_are_codes(counts: dict[float, int], are: bool) -> None:
    assert are_codes(np.array(list(counts)), np.array(list(counts.values()))) is are
    values = [f"{value:g}" for value, count in counts.items() for _ in range(count)]
    assert (target(*values, kind="number").goal != "regression") is are


def test_few_whole_numbers_that_are_a_regression_are_told() -> None:
    found = target(*"012345678012300", kind="number", task="auto")
    assert found.goal == "regression"
    assert found.notices == [
        "target: y: 9 different whole numbers from 0 to 8 are predicted as numbers; "
        "to predict them as classes: dataset.task=multiclass"
    ]
    assert found.judged == {"target": "regression"}
    assert target(*"012345678012300", kind="number", task="regression").notices == []
    assert target(*map(str, range(30)), kind="number").notices == []


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
