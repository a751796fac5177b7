"""dlrun.data.holdout: folds partition the rows, stratified and grouped; test_prepare has the other splits."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.goals import Part
from dlrun.data.holdout import hold_out
from dlrun.data.prepare import prepare
from dlrun.data.source import Rows, Source
from dlrun.errors import ConfigError, DataError


def classes(*counts: int) -> Source:
    """Row i holds i; class c has counts[c] rows."""
    targets = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return Source("dense", "multiclass", Rows(torch.arange(len(targets), dtype=torch.float32).unsqueeze(1), targets))


def numbers(count: int) -> Source:
    return Source("dense", "regression", Rows(torch.arange(float(count)).unsqueeze(1), torch.arange(float(count))))


def folds(source: Source, count: int, **settings: object) -> list[dict[str, list[int]]]:
    """By fold and split, the rows."""
    found = []
    for fold in range(count):
        splits = hold_out(source, DatasetSettings(folds=count, fold=fold, **settings))  # type: ignore[arg-type]
        found.append({name: [int(row) for row in rows.in_memory().flatten()] for name, rows in splits.items()})
    return found


@pytest.mark.parametrize("source", [classes(31, 42, 17), numbers(91), classes(3, 88)])
@pytest.mark.parametrize("count", [2, 5, 7])
def test_each_row_is_tested_in_exactly_one_fold(source: Source, count: int) -> None:
    found = folds(source, count, val_fraction=0.25)
    assert sorted(row for splits in found for row in splits["test"]) == list(range(len(source.train)))
    for splits in found:
        assert sorted([*splits["train"], *splits["val"], *splits["test"]]) == list(range(len(source.train)))
        assert len(splits["test"]) in (len(source.train) // count, len(source.train) // count + 1)
        assert len(splits["val"]) == pytest.approx(0.25 * (len(source.train) - len(splits["test"])), abs=2)


def test_folds_have_equal_shares_of_each_class_and_depend_on_the_split_seed() -> None:
    source = classes(30, 60)
    found = folds(source, 5)
    assert [sum(row < 30 for row in splits["test"]) for splits in found] == [6] * 5
    assert [sum(row >= 30 for row in splits["val"]) for splits in found] == [5] * 5  # 10 % of 48
    assert folds(source, 5) == found
    assert folds(source, 5, split_seed=1) != found


def test_folds_of_groups_split_no_group() -> None:
    source = dataclasses.replace(classes(40, 60), groups=torch.arange(100) // 4)
    found = folds(source, 5, val_fraction=0.2)
    assert sorted(row for splits in found for row in splits["test"]) == list(range(100))
    for splits in found:
        held = [{row // 4 for row in rows} for rows in splits.values()]
        assert sum(map(len, held)) == len(set.union(*held)) == 25
        assert len(splits["test"]) == 20
        assert sum(row < 40 for row in splits["test"]) == 8


def test_the_limit_bounds_the_rows_of_all_folds() -> None:
    assert sum(len(splits["test"]) for splits in folds(classes(50, 50), 4, limit=40)) == 40


def test_folds_that_cannot_be_are_refused() -> None:
    source = classes(3, 3)
    with pytest.raises(ConfigError, match=r"dataset\.fold\n.*Expected the fold to test, 0 to 4, got None"):
        hold_out(source, DatasetSettings(folds=5))
    with pytest.raises(DataError, match=r"dataset\.folds=6: there are only 6 rows"):
        hold_out(source, DatasetSettings(folds=6, fold=0))
    tested = dataclasses.replace(source, test=source.train)
    with pytest.raises(
        ConfigError, match=r"dataset\.folds=2\n.*cannot be cross-validated: it has test rows of its own"
    ):
        hold_out(tested, DatasetSettings(folds=2, fold=0))
    with pytest.raises(ConfigError, match="its rows are in order, and what comes before a fold must not be tested"):
        hold_out(dataclasses.replace(source, in_order=True), DatasetSettings(folds=2, fold=0))
    grouped = dataclasses.replace(source, groups=torch.tensor([0, 0, 0, 0, 1, 1]))
    with pytest.raises(DataError, match="there are rows of 2 groups, and 3 splits need one each"):
        hold_out(grouped, DatasetSettings(folds=3, fold=0))


def test_rows_of_a_class_of_one_or_two_are_trained_on_in_every_fold() -> None:
    found = folds(classes(1, 2, 30), 3)
    assert sorted(row for splits in found for row in splits["test"]) == list(range(3, 33))
    assert all({0, 1, 2} <= set(splits["train"]) for splits in found)


def test_several_targets_are_stratified_by_the_first_with_classes_and_keep_rare_ones() -> None:
    codes, rare = torch.arange(60) % 3, (torch.arange(60) == 7).float()
    targets = torch.stack([torch.arange(60.0), codes.float(), rare], dim=1)
    parts = (Part("n", "regression"), Part("c", "multiclass", ("a", "b", "c")), Part("r", "binary", ("no", "yes")))
    source = Source("dense", "several", Rows(torch.arange(60.0).unsqueeze(1), targets), parts=parts)
    for splits in folds(source, 5):
        assert [sum(row % 3 == code for row in splits["test"]) for code in range(3)] in ([4, 4, 4], [4, 3, 4])
        assert 7 in splits["train"]


def test_a_class_out_of_range_of_one_of_several_targets_is_reported() -> None:
    parts = (Part("n", "regression"), Part("c", "binary", ("a", "b")))
    source = Source("dense", "several", Rows(torch.zeros(3, 1), torch.tensor([[1.0, 0], [2, 2], [3, 1]])), parts=parts)
    with pytest.raises(DataError, match="toy, c: row 1 has the class 2; expected 0 to 1"):
        prepare("toy", source, DatasetSettings())
