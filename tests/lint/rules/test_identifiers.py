from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.rules.conftest import FindAll, labels, noise, write_table

ID = "identifier-feature"
COUNT = 120
A = noise(COUNT)
COLUMNS = {
    "customer_id": [7919 * row % 100_003 for row in range(COUNT)],
    "serial": range(5, 5 + 3 * COUNT, 3),
    "name": [f"n{row}" for row in range(COUNT)],
    "year": range(1900, 1900 + COUNT),
    "size": [131 * row % 1009 for row in range(COUNT)],
    "town": [f"t{row % 30}" for row in range(COUNT)],
    "a": A,
    "y": labels(a > 0 for a in A),
}


@pytest.mark.parametrize(
    ("column", "kind"),
    [("customer_id", "number"), ("customer_id", "category"), ("serial", "number"), ("name", "category")],
)
@pytest.mark.parametrize("scaling", ["true", "false"])
def test_an_identifier_that_is_made_a_feature_is_found(
    find: FindAll, tmp_path: Path, column: str, kind: str, scaling: str
) -> None:
    words = (*write_table(tmp_path / "t.csv", COLUMNS), f"dataset.standardise={scaling}")
    (found,) = find(ID, *words, f"dataset.columns={{{column}: {kind}, a: number}}")
    assert (found.severity, found.key) == ("warning", "dataset.columns")
    assert found.fix == f"dataset.columns={{{column}: ignore, a: number}}"
    assert found.message.startswith(f'"{column}" is different in nearly every row')
    assert not find(ID, *words, found.fix)


def test_several_are_named_at_once(find: FindAll, tmp_path: Path) -> None:
    words = write_table(tmp_path / "t.csv", COLUMNS)
    (found,) = find(ID, *words, "dataset.columns={customer_id: number, name: category}")
    assert found.message.startswith('"customer_id", "name" are different in nearly every row')


@pytest.mark.parametrize("kinds", ["{}", "{year: number}", "{size: number}", "{a: number}", "{town: category}"])
def test_what_is_set_aside_by_itself_and_other_numbers_are_fine(find: FindAll, tmp_path: Path, kinds: str) -> None:
    words = write_table(tmp_path / "t.csv", COLUMNS)
    assert not find(ID, *words, f"dataset.columns={kinds}")
