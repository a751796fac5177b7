from __future__ import annotations

import pytest

from tests.lint.conftest import Examine


def test_rows_in_the_order_of_the_file_are_found_with_the_cure(check: Examine) -> None:
    (found,) = [each for each in check("dataset=iris", "trainer.shuffle=false") if each.id == "no-shuffling"]
    assert (found.severity, found.key, found.fix) == ("warning", "trainer.shuffle", "trainer.shuffle=true")
    assert "every epoch has the same batches" in found.message


@pytest.mark.parametrize("words", [(), ("trainer.shuffle=false", "trainer.batch_size=1000")])
def test_shuffled_rows_and_whole_batches_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert "no-shuffling" not in [each.id for each in check("dataset=iris", *words)]
