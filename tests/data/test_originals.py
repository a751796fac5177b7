"""Rows as the user has them: how numbers are written."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.data.originals import as_written


@pytest.mark.parametrize(
    ("value", "text"),
    [(np.float32(5.1), "5.1"), (1200.0, "1200"), (-0.25, "-0.25"), (float("nan"), ""), (1e20, "1e+20"),
     (float("inf"), "inf")],
)  # fmt: skip
def test_numbers_are_written_as_people_do(value: float, text: str) -> None:
    assert as_written(value) == text
