from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.rules.conftest import FindAll

ID = "texts-cut-off"


def texts(path: Path) -> tuple[str, ...]:
    """60 texts, of which each twelfth has 5 words, and the others 50."""
    rows = [f"{'good' if row % 2 else 'bad'},{'word ' * (5 if row % 12 == 0 else 50)}" for row in range(60)]
    path.write_text("\n".join(["label,text", *rows]) + "\n")
    return "dataset=text", f"dataset.path={path}"


def test_texts_that_are_mostly_cut_are_found_with_a_length_that_keeps_them(find: FindAll, tmp_path: Path) -> None:
    words = texts(tmp_path / "t.csv")
    (found,) = find(ID, *words, "dataset.max_length=20")
    assert (found.severity, found.key, found.fix) == ("warning", "dataset.max_length", "dataset.max_length=64")
    assert "as long as dataset.max_length=20 lets them be" in found.message
    assert "90% of them have up to 64 tokens" in found.message
    assert not find(ID, *words, found.fix)
    assert not find(ID, *words, "dataset.max_length=50"), "whole, as it happens"


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=text", "dataset.path=example:reviews.csv"),
        ("dataset=text", "dataset.task=language", "dataset.path=example:gpl3_text.txt", "model=rnn"),
        ("dataset=iris",),
    ],
)
def test_data_that_ships_is_fine(find: FindAll, words: tuple[str, ...]) -> None:
    assert not find(ID, *words)
