"""The verdict on a promise, and what can be verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError
from dlrun.runs.verify import check_verifiable, quick_verdict, verdict

ABOUT: dict[str, Any] = {
    "expect": {"test/accuracy": [0.9, 1.0], "val/loss": [0, 0.5]},
    "lock": {"torch": "2.13.0"},
    "losses": {"loss": [1.0, 0.5]},
    "plugins": {"tiny.py": "abc"},
}
HERE = {"torch": "2.13.0", "plugins": {"tiny.py": "abc"}}


def test_a_promise_is_kept_within_its_bounds() -> None:
    found = verdict(ABOUT, HERE, {"test/accuracy": 0.9, "val/loss": 0.5, "val/accuracy": 0.1})
    assert found.status == "kept"
    assert found.state() == {
        "status": "kept",
        "promised": ABOUT["expect"],
        "measured": {"test/accuracy": 0.9, "val/loss": 0.5},
        "environment_differs": {},
        "locked": True,
        "broken": [],
    }
    assert found.environment_in_words() == "the environment is that of the lock"


def test_each_broken_part_is_named() -> None:
    found = verdict(ABOUT, {**HERE, "torch": "2.12.0"}, {"test/accuracy": 0.8999999})
    assert found.status == "broken"
    assert found.broken == [
        "test/accuracy is 0.8999999, promised was 0.9 to 1",
        "val/loss was not measured; this run's metrics: test/accuracy",
    ]
    assert found.environment_differs == {"torch": ["2.13.0", "2.12.0"]}
    assert found.environment_in_words() == "the environment differs from the lock: torch 2.13.0 → 2.12.0"
    assert verdict(ABOUT, HERE, {"test/accuracy": float("nan"), "val/loss": 0.1}).broken == [
        "test/accuracy is nan, promised was 0.9 to 1"
    ]


def test_a_training_that_did_not_end_breaks_the_promise() -> None:
    found = verdict(ABOUT, HERE, {}, error="diverged at step 3")
    assert (found.status, found.broken) == ("broken", ["diverged at step 3"])


def test_without_a_lock_nothing_is_known_of_the_environment() -> None:
    found = verdict({"expect": {"test/loss": [0, 1]}}, HERE, {"test/loss": 0.5})
    assert found.environment_differs is None
    assert (found.state()["environment_differs"], found.state()["locked"]) == ({}, False)
    assert "the recipe has no lock" in found.environment_in_words()


def test_a_plugin_with_other_contents_differs() -> None:
    found = verdict(ABOUT, {**HERE, "plugins": {"tiny.py": "xyz"}}, {})
    assert found.environment_differs == {"plugins.tiny.py": ["abc", "xyz"]}


def test_losses_are_compared_exactly_only_in_the_environment_of_the_lock() -> None:
    near = {"loss": [1.0, 0.5001]}
    exact = quick_verdict(ABOUT, HERE, near)
    assert exact.broken == ["loss at step 2 is 0.5001 instead of 0.5"]
    assert exact.state()["tolerance"] == 0.0
    elsewhere = quick_verdict(ABOUT, {**HERE, "torch": "2.12.0"}, near)
    assert (elsewhere.status, elsewhere.tolerance) == ("kept", 1e-3)


def check(text: str, *words: str, quick: bool = False) -> None:
    Path("mine.yaml").write_text(text)
    catalog = Catalog()
    request = parse_overrides(["recipe=mine.yaml", *words], catalog)
    (plan,) = plan_runs(request, catalog)
    check_verifiable(plan, request, catalog, quick=quick)


PROMISE = "recipe: {format: 1, expect: {test/loss: [0, 1]}}\n"


def test_only_what_keeps_a_promise_may_be_set() -> None:
    check(PROMISE, "device=cpu", "device.threads=1", "logger=tensorboard", "checkpoint.keep=1")
    with pytest.raises(ConfigError) as caught:
        check(PROMISE, "model=mlp", "seed=3", "trainer.epochs=1")
    assert [problem.where for problem in caught.value.problems] == ["model=mlp", "seed=3", "trainer.epochs=1"]
    assert "It changes what the recipe promises; verifying it allows dataset.root, dataset.path" in str(caught.value)


def test_other_data_may_be_named_where_the_recipe_leaves_it_to_its_user_or_has_a_fingerprint() -> None:
    text = PROMISE + "dataset: {name: text}\n"
    check(text, "dataset.path=a.csv", "dataset.test=b.csv")
    own = PROMISE + 'dataset: {name: text, path: "example:reviews.csv"}\n'
    with pytest.raises(ConfigError, match=r"dataset.path=a.csv\n +It changes what the recipe promises"):
        check(own, "dataset.path=a.csv")
    check(own.replace("format: 1,", f"format: 1, data: {{fingerprint: {'0' * 64}}},"), "dataset.path=a.csv")


def test_a_recipe_without_a_promise_or_without_losses_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"This recipe promises nothing: it has no recipe\.expect"):
        check("model: {name: mlp}\n")
    with pytest.raises(ConfigError, match=r"This recipe has no recipe\.losses, those of the first steps"):
        check(PROMISE, quick=True)
    with pytest.raises(ConfigError, match=r"This recipe needs tiny\.py of the person who shared it: add --plugin FILE"):
        check(PROMISE.replace("format: 1,", "format: 1, plugins: {tiny.py: abc},"))
