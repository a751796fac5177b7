from __future__ import annotations

import dataclasses

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.settings import SWEEP_GROUPS, setting_lines

_OWN = "a setting of the sweep itself and cannot be swept. For a list, write [A,B]."
LAUNCH = [f"launch.{name}" for name in ("engine", "fail_fast", "jobs", "pack", "ray", "reuse", "slurm")]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("search=rand", 'Expected one of grid, random, lhs, tpe, got "rand". Did you mean "random"?'),
        ("search.trals=3", 'A sweep has no such setting. Did you mean "search.trials"?'),
        ("launch=local", "A sweep has no such setting. Choose from: " + ", ".join(LAUNCH) + "."),
        ("search.trials=0", "Expected a whole number from 1 to 1000000000 or null, got 0."),
        ("launch.jobs=1,2", f"launch.jobs is {_OWN}"),
        ("search.seed=interval(0,1)", 'Expected a whole number from 0 to 4294967295, got "interval(0,1)".'),
        (
            "search.budget=10 minutes",
            'Expected a string that states a duration, such as 90s, 10m or 3h50m or null, got "10 minutes". '
            'Did you mean "10m"?',
        ),
        ("search.objectives=accuracy", 'Expected a list, each a string, got "accuracy".'),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told(word: str, message: str) -> None:
    request = parse_overrides([word], Catalog(), multirun=True)
    assert [(each.where, each.message) for each in request.problems] == [(word, message)]


def test_a_setting_without_multirun_is_told() -> None:
    request = parse_overrides(["search.trials=3"], Catalog())
    assert [each.message for each in request.problems] == ["Only a sweep has this setting: add -m."]
    request = parse_overrides(["launch.jobs=2", "dataset.folds=3"], Catalog())  # the folds are launched
    assert request.problems == ()
    assert request.sweep.launch.jobs == 2


def test_settings_are_read() -> None:
    words = ["search=tpe", "search.trials=3", "search.objectives=[accuracy,parameters]", "launch.jobs=2"]
    request = parse_overrides(words, Catalog(), multirun=True)
    assert request.is_search
    launch, search = request.sweep.launch, request.sweep.search
    assert (launch.jobs, search.name, search.trials) == (2, "tpe", 3)
    assert search.objectives == ["accuracy", "parameters"]
    assert not parse_overrides(["seed=1,2"], Catalog(), multirun=True).is_search


@pytest.mark.parametrize("group", SWEEP_GROUPS)
def test_every_setting_is_listed_with_its_meaning(group: str) -> None:
    lines = setting_lines(group)
    names = [line.key.partition(".")[2] or "name" for line in lines]
    assert sorted(names) == sorted(field.name for field in dataclasses.fields(SWEEP_GROUPS[group]))
    assert all(line.meaning and line.shown for line in lines)
