from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.lint.rules.conftest import FindAll, labels, noise, write_table

ID = "target-leak"
COUNT = 300
A, B, REST = noise(COUNT), noise(COUNT, seed=1), noise(COUNT, seed=2)
TRUE = [a + b + rest > 0 for a, b, rest in zip(A, B, REST, strict=True)]
NUMBERS = [10 + a + b + rest for a, b, rest in zip(A, B, REST, strict=True)]


@pytest.mark.parametrize("categories", ["one_hot", "embed"])
def test_a_code_of_the_class_is_found_and_left_out(find: FindAll, tmp_path: Path, categories: str) -> None:
    code = ["Q" if each else "W" for each in TRUE]
    words = write_table(tmp_path / "t.csv", {"a": A, "b": B, "outcome code": code, "y": labels(TRUE)})
    words = (*words, f"dataset.categories={categories}", "model=mlp")
    (found,) = find(ID, *words)
    assert (found.severity, found.key) == ("warning", "dataset.columns")
    assert found.fix == "dataset.columns={outcome code: ignore}"
    assert found.message.startswith(
        '"outcome code" alone tells the class of every row; all other columns together get '
    )
    assert not find(ID, *words, found.fix)


def test_a_value_that_is_only_there_for_one_class_is_found(find: FindAll, tmp_path: Path) -> None:
    when = [f"2024-0{1 + row % 9}-11" if each else "" for row, each in enumerate(TRUE)]
    words = write_table(tmp_path / "t.csv", {"a": A, "b": B, "cancelled": when, "y": labels(TRUE)})
    (found,) = find(ID, *words)
    assert found.fix == "dataset.columns={cancelled: ignore}"


@pytest.mark.parametrize("shape", ["scaled", "rounded", "logarithm", "square"])
def test_a_number_made_from_the_target_is_found(find: FindAll, tmp_path: Path, shape: str) -> None:
    made = {
        "scaled": [1.08 * value - 3 for value in NUMBERS],
        "rounded": [round(value, 2) for value in NUMBERS],
        "logarithm": [float(np.log(value)) for value in NUMBERS],
        "square": [(value - 12) ** 2 for value in NUMBERS],
    }[shape]
    words = write_table(tmp_path / "t.csv", {"a": A, "b": B, "made": made, "y": NUMBERS})
    found = find(ID, *words, "dataset.columns={a: number}")
    if shape == "square":
        assert not found, "two targets have the same square"
        return
    assert found[0].fix == "dataset.columns={a: number, made: ignore}", "what was set stays"
    assert "explain " in found[0].message
    assert not find(ID, *words, found[0].fix)


def test_all_such_columns_are_named_at_once(find: FindAll, tmp_path: Path) -> None:
    columns = {"a": A, "net": [2 * value for value in NUMBERS], "gross": [3 * value for value in NUMBERS], "y": NUMBERS}
    (found,) = find(ID, *write_table(tmp_path / "t.csv", columns))
    assert found.message.startswith('"net", "gross" alone tell the number of every row')
    assert found.fix == "dataset.columns={net: ignore, gross: ignore}"


def test_one_of_several_targets_is_named(find: FindAll, tmp_path: Path) -> None:
    columns = {"a": A, "b": B, "copy": NUMBERS, "kind": labels(b > 0 for b in noise(COUNT, seed=7)), "size": NUMBERS}
    words = write_table(tmp_path / "t.csv", columns)
    (found,) = find(ID, *words, "dataset.target=[kind,size]")
    assert '"copy" alone tells the number of "size" of every row' in found.message


def test_features_without_names_are_numbered_and_have_no_override(find: FindAll, tmp_path: Path) -> None:
    inputs = np.array([A, B, TRUE], dtype=np.float32).T
    np.savez(tmp_path / "t.npz", inputs=inputs, targets=np.array(TRUE, dtype=np.int64))
    (found,) = find(ID, "dataset=arrays", f"dataset.path={tmp_path}/t.npz")
    assert found.message.startswith("feature 2 alone tells the class")
    assert found.fix is None


def test_a_column_of_which_one_row_in_ten_is_wrong_is_a_good_feature(find: FindAll, tmp_path: Path) -> None:
    code = ["Q" if each != (row % 10 == 0) else "W" for row, each in enumerate(TRUE)]
    assert not find(ID, *write_table(tmp_path / "t.csv", {"a": A, "code": code, "y": labels(TRUE)}))


def test_classes_that_other_columns_tell_as_well_are_easy(find: FindAll, tmp_path: Path) -> None:
    apart = [10 * each + a for each, a in zip(TRUE, A, strict=True)]  # from about 7 up, or below 3
    weak = [4 * each + noise_ for each, noise_ in zip(TRUE, noise(COUNT, seed=5), strict=True)]
    more = [4 * each + noise_ for each, noise_ in zip(TRUE, noise(COUNT, seed=6), strict=True)]
    assert not find(ID, *write_table(tmp_path / "t.csv", {"a": apart, "v": weak, "w": more, "y": labels(TRUE)}))


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=line",),  # its only feature tells all: there is no other
        ("dataset=iris",),
        ("dataset=breast_cancer",),
        ("dataset=wine",),
        ("dataset=table", "dataset.path=example:people.csv", "dataset.target=renewed"),
        ("dataset=interactions", "dataset.path=example:ratings.csv"),
        ("dataset=digits", "model=mlp"),
    ],
)
def test_data_that_ships_is_fine(find: FindAll, words: tuple[str, ...]) -> None:
    assert not find(ID, *words)


def test_few_rows_are_not_judged(find: FindAll, tmp_path: Path) -> None:
    words = write_table(tmp_path / "t.csv", {"a": A[:30], "copy": NUMBERS[:30], "y": NUMBERS[:30]})
    assert not find(ID, *words)
