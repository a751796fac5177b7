"""Values of flags, read from text."""

from __future__ import annotations

import pytest

from dlrun.cli import flags


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("3h50m", 13_800), ("1d", 86_400)])
def test_a_budget_is_read_in_seconds(text: str, seconds: int) -> None:
    assert flags.BUDGET.parse(text) == seconds


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("90", ' Did you mean "90s"?'),
        ("1:30:00", ' Did you mean "1h30m"?'),
        ("2 hours", ' Did you mean "2h"?'),
        ("soon", ""),
        ("0s", ""),
        ("-5m", ""),
    ],
)
def test_another_notation_of_a_duration_is_answered_with_the_right_one(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match="Expected a duration") as caught:
        flags.BUDGET.parse(text)
    assert str(caught.value) == f"Expected a duration, such as 90s, 10m or 3h50m.{hint}"
