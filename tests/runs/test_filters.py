"""`--filter KEY=VALUE`: which runs match, and what a wrong one is told."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.filters import check_keys, choose, parse_filter, what_there_is
from dlrun.runs.sweeps.groups import Trial

SETTINGS: list[dict[str, Any]] = [
    {"model": "mlp", "model.hidden": [64, 32], "optimizer.lr": 0.01, "device.compile": True, "trainer.ema": None},
    {"model": "linear", "optimizer.lr": 1, "device.compile": False, "trainer.ema": 0.9},
]
TRIALS = [Trial(str(number), each, "completed" if number else "failed", {}) for number, each in enumerate(SETTINGS)]


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["model=mlp"], ["0"]), (["model.name=mlp"], ["0"]), (["optimizer.lr=1e-2"], ["0"]),
        (["optimizer.lr=1.0"], ["1"]),
        (["model.hidden=[64,32]"], ["0"]), (["model.hidden=[64]"], []), (["device.compile=true"], ["0"]),
        (["device.compile=1"], []), (["trainer.ema=null"], ["0"]), (["status=failed"], ["0"]), ([], ["0", "1"]),
        (["model=mlp", "model=linear"], ["0", "1"]), (["model=mlp", "status=completed"], []), (["model=a: b"], []),
    ],
)  # fmt: skip
def test_values_are_compared_as_what_they_are(texts: list[str], names: list[str]) -> None:
    assert [trial.name for trial in choose(TRIALS, [parse_filter(text) for text in texts])] == names


def test_a_key_that_no_run_has_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError) as caught:
        choose(TRIALS, [parse_filter("modle=mlp"), parse_filter("optimizer.rl=1")])
    told = str(caught.value)
    assert told.startswith("2 problems on the command line:")
    assert '--filter modle=mlp\n      No run here has this setting. Did you mean "model"?' in told
    assert 'Did you mean "optimizer.lr"?' in told
    assert choose([], [parse_filter("modle=mlp")]) == []  # nothing to choose from
    with pytest.raises(ConfigError, match=r"--group sede"):
        check_keys("--group", [("sede", "sede")], ["seed"])


def test_where_no_run_matches_it_says_which_values_there_are() -> None:
    filters = [parse_filter("optimizer.lr=5"), parse_filter("model.hidden=[1]"), parse_filter("status=diverged")]
    assert what_there_is(TRIALS, filters) == (
        "optimizer.lr is 0.01, 1 here. model.hidden is [64, 32] here. status is failed, completed here."
    )


def test_what_users_typed_is_printed_escaped() -> None:
    assert "\x1b" not in str(parse_filter("model=\x1b[2J"))
    trial = Trial("0", {"model": "\x1b[2J"}, "completed", {})
    assert "\x1b" not in what_there_is([trial], [parse_filter("model=x")])
