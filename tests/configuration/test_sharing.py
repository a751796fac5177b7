"""What several processes cannot share, told before anything starts."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sharing import find_too_small_batches, find_unshardable
from dlrun.errors import ConfigError


def tree(processes: int | str, batch_size: int | str = "auto", **choices: str) -> dict[str, Any]:
    return {
        "device": {"processes": processes, "strategy": choices.get("strategy", "auto")},
        "trainer": {"batch_size": batch_size},
        "optimizer": {"name": choices.get("optimizer", "adam")},
    }


def test_a_batch_has_a_row_for_each_process() -> None:
    for fits in (tree(4, 4), tree("auto", 1), tree(4, "auto"), tree(1, 1)):
        assert find_too_small_batches(fits) == []
    (problem,) = find_too_small_batches(tree(4, 3))
    assert str(problem) == (
        "trainer.batch_size=3\n"
        "      4 processes share each batch (device.processes), so some would have no row: expected at least 4."
    )
    assert problem.fix == "trainer.batch_size=4"


def test_muon_needs_whole_weights() -> None:
    fit = (tree(2, optimizer="muon"), tree(2, strategy="fsdp"), tree(1, optimizer="muon", strategy="fsdp"))
    assert [find_unshardable(each) for each in fit] == [[], [], []]
    (problem,) = find_unshardable(tree("auto", optimizer="muon", strategy="fsdp"))
    assert (problem.where, problem.id, problem.fix) == ("optimizer=muon", "sharding", "device.strategy=ddp")


def test_both_are_told_when_a_run_is_composed() -> None:
    words = ["optimizer=muon", "device.strategy=fsdp", "device.processes=2", "trainer.batch_size=1"]
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(words, catalog, multirun=False), catalog)
    with pytest.raises(ConfigError) as caught:
        compose(plan, catalog)
    assert [problem.where for problem in caught.value.problems] == ["trainer.batch_size=1", "optimizer=muon"]
