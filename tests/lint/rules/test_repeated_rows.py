from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.lint.rules.conftest import FindAll, labels, noise, write_table

ID = "rows-in-two-splits"


def table(path: Path, rows: slice) -> tuple[str, ...]:
    """Some rows of the same 200."""
    a, b = noise(200), noise(200, seed=1)
    y = labels(left + right > 0 for left, right in zip(a, b, strict=True))
    return write_table(path, {"a": a[rows], "b": b[rows], "y": y[rows]})


def test_rows_of_the_training_file_in_the_test_file_are_counted(find: FindAll, tmp_path: Path) -> None:
    table(tmp_path / "test.csv", slice(140, 200))
    words = (*table(tmp_path / "t.csv", slice(0, 150)), "dataset.val_fraction=0")
    (found,) = find(ID, *words, f"dataset.test={tmp_path}/test.csv")  # rows 140 to 149
    assert (found.severity, found.key, found.fix) == ("warning", "dataset.test", "dataset.test=null")
    assert found.message.startswith("10 of 60 test rows (17%) stand in the training rows too, with the same target")
    assert not find(ID, *words, found.fix)
    table(tmp_path / "test.csv", slice(150, 200))
    assert not find(ID, *words, f"dataset.test={tmp_path}/test.csv")


def test_a_validation_file_is_looked_at_too(find: FindAll, tmp_path: Path) -> None:
    words = table(tmp_path / "t.csv", slice(0, 150))
    (found,) = find(ID, *words, f"dataset.val={tmp_path}/t.csv", "dataset.test_fraction=0")
    assert (found.key, found.fix) == ("dataset.val", "dataset.val=null")
    assert found.message.startswith("150 of 150 validation rows (100%)")


def test_rows_that_are_in_a_file_twice_are_found_in_the_splits_drawn_from_it(find: FindAll, tmp_path: Path) -> None:
    words = table(tmp_path / "t.csv", slice(0, 200))
    text = (tmp_path / "t.csv").read_text()
    (tmp_path / "t.csv").write_text(text + "".join(text.splitlines(keepends=True)[1:]))
    (found,) = find(ID, *words)
    assert (found.key, found.fix) == ("dataset", None)
    assert "validation rows" in found.message
    assert "test rows" in found.message
    assert "dataset.group=COLUMN" in found.message


def test_a_copy_with_another_target_is_no_copy(find: FindAll, tmp_path: Path) -> None:
    words = table(tmp_path / "t.csv", slice(0, 150))
    lines = (tmp_path / "t.csv").read_text().splitlines()
    other = [line.replace("yes", "?").replace("no", "yes").replace("?", "no") for line in lines[1:]]
    (tmp_path / "test.csv").write_text("\n".join([lines[0], *other]) + "\n")
    assert not find(ID, *words, f"dataset.test={tmp_path}/test.csv")


def test_rows_of_few_values_coincide_by_chance(find: FindAll, tmp_path: Path) -> None:
    rows = list(product("abc", "abc", range(4))) * 8  # each 8 times: of 288 rows all held-out ones stand in training
    first, second, third = zip(*rows, strict=True)
    target = labels(letter == "a" for letter in first)
    words = write_table(tmp_path / "t.csv", {"p": first, "q": second, "r": third, "y": target})
    assert not find(ID, *words)
    (found,) = find(ID, *words, f"dataset.test={tmp_path}/t.csv")
    assert found.message.startswith("288 of 288 test rows (100%)"), "but not in the training file itself"


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=iris",),  # one validation row of 12 is a known duplicate
        ("dataset=text", "dataset.path=example:reviews.csv"),
        ("dataset=interactions", "dataset.path=example:ratings.csv"),
        ("dataset=series", "dataset.path=example:weather.csv"),
        ("dataset=text", "dataset.task=language", "dataset.path=example:gpl3_text.txt", "model=rnn"),
        ("dataset=image_folder", "dataset.path=example:shapes", "dataset.in_memory=false"),
        ("dataset=digits", "dataset.val_fraction=0", "dataset.test_fraction=0"),
    ],
)
def test_data_that_ships_is_fine(find: FindAll, words: tuple[str, ...]) -> None:
    assert not find(ID, *words)
