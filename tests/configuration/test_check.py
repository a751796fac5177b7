"""dlrun.configuration.check: values of the wrong form, with the right one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Dlrun = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("90", 'Did you mean "90s"?'),
        ("'3 hours 50 minutes'", 'Did you mean "3h50m"?'),
        ("'3:50:00'", 'Did you mean "3h50m"?'),
        ("10min", 'Did you mean "10m"?'),
        ("soon", 'got "soon".'),
        ("0s", 'got "0s".'),
    ],
)
def test_a_time_of_another_form_is_an_error_that_names_the_right_form(dlrun: Dlrun, value: str, hint: str) -> None:
    code, _, err = dlrun("check", f"trainer.max_time={value}")
    assert code == 2
    assert "Expected a text that says how long, such as 90s, 10m or 3h50m or null" in err
    assert hint in err
