from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.rules.conftest import FindAll

ID = "unknown-tokens"


def texts(path: Path) -> tuple[str, ...]:
    """60 texts of four words, of which half are in no other text."""
    rows = [f"{'good' if row % 2 else 'bad'},the film a{row} b{row}" for row in range(60)]
    path.write_text("\n".join(["label,text", *rows]) + "\n")
    return "dataset=text", f"dataset.path={path}"


def test_a_vocabulary_that_is_too_small_is_found(find: FindAll, tmp_path: Path) -> None:
    words = texts(tmp_path / "t.csv")
    (found,) = find(ID, *words, "dataset.max_vocabulary=2")
    assert (found.severity, found.key, found.fix) == (
        "warning",
        "dataset.max_vocabulary",
        "dataset.max_vocabulary=20000",
    )
    assert found.message.startswith("50% of the tokens in the training texts are not in the vocabulary of 2. ")
    assert not find(ID, *words, found.fix)


def test_a_count_that_leaves_rare_words_out_is_found(find: FindAll, tmp_path: Path) -> None:
    words = texts(tmp_path / "t.csv")
    (found,) = find(ID, *words, "dataset.min_count=2")
    assert (found.key, found.fix) == ("dataset.min_count", "dataset.min_count=1")
    assert not find(ID, *words, found.fix)


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
