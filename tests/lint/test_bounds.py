"""dlrun.lint.bounds: a hiccup of the process does not keep a small model from being judged, and a large one is not."""

from __future__ import annotations

import itertools

import pytest

from dlrun.lint.bounds import _takes_long


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([0.2], False),  # the first copy warms up
        ([0.2, 0.001, 0.001], False),
        ([0.005, 0.9, 0.005, 0.005], False),  # garbage was collected
        ([0.02, 0.02], False),
        ([0.02, 0.02, 0.02], True),  # 0.8 s for 40
        ([2.1], True),
    ],
)
def test_how_long_all_copies_take_is_told_by_the_quickest(seconds: list[float], expected: bool) -> None:
    assert _takes_long([10.0, *(10.0 + each for each in itertools.accumulate(seconds))]) is expected
