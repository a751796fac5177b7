"""What `dlrun share` writes into a recipe's block, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.configuration.recipes.block import check_block

SHA256 = "0123456789abcdef" * 4


def problems(**block: Any) -> list[tuple[str, str]]:
    return [(each.where, each.message) for each in check_block({"format": 1, **block})]


def test_a_whole_block_is_accepted() -> None:
    assert not problems(
        title="T",
        expect={"test/accuracy": [0.9, 1], "val/rmse_a-b.c": [0.0, 2.5], "train/loss": [0, 0]},
        meaning="of one run",
        measured={"test/accuracy": 0.95, "val/rmse_a-b.c": [1.0, 2]},
        seeds=[0, 4_294_967_295],
        lock={"torch": "2.13.0", "packages": {"hydra-core": "1.3.8"}, "threads": 2, "auto": {"trainer.epochs": None}},
        data={"fingerprint": SHA256, "where": "comes with dlrun", "rows": {"train": 5, "val": 0}},
        losses={"loss": [1.5, -2]},
    )


@pytest.mark.parametrize(
    "metric",
    ["accuracy", "../x", "test/", "test/..", "test/../../x", "test/a b", "tests/accuracy", "test//a", "/test/a"],
)
def test_a_metric_is_named_as_results_name_it(metric: str) -> None:
    what = "Expected a metric's name as results have it, such as test/accuracy: train, val or test, a slash and a name."
    assert problems(expect={metric: [0, 1]}) == [(f"recipe.expect.{metric}", what)]
    assert problems(measured={metric: 1}) == [(f"recipe.measured.{metric}", what)]


@pytest.mark.parametrize(
    "bounds", [[1, 0], [0], [0, 1, 2], 1, [0, float("inf")], [float("nan"), 1], ["0", 1], [True, 1]]
)
def test_bounds_are_two_finite_numbers_in_order(bounds: Any) -> None:
    ((where, message),) = problems(expect={"test/loss": bounds})
    assert where == "recipe.expect.test/loss"
    assert message.startswith("Expected [lowest, highest], got ")


@pytest.mark.parametrize(
    ("block", "where", "message"),
    [
        (
            {"measured": {"test/loss": []}},
            "recipe.measured.test/loss",
            "Expected a number, or a list of one for each seed, got [].",
        ),
        (
            {"losses": {"loss": [1.0] * 101}},
            "recipe.losses.loss",
            "Expected a list of 1 to 100 numbers, the losses of the first steps, got [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, "
            "1.0, 1.0, ...].",
        ),
        (
            {"losses": {"loss": [float("inf")]}},
            "recipe.losses.loss",
            "Expected a list of 1 to 100 numbers, the losses of the first steps, got [inf].",
        ),
        ({"losses": [1.0]}, "recipe.losses", "Expected a mapping, got [1.0]."),
        ({"seeds": [-1]}, "recipe.seeds[0]", "Expected a whole number from 0 to 4294967295, got -1."),
        (
            {"lock": {"troch": "2"}},
            "recipe.lock.troch",
            'recipe.lock has no field "troch". Did you mean "recipe.lock.torch"?',
        ),
        ({"lock": {"threads": 0}}, "recipe.lock.threads", "Expected a whole number from 1 to 1000000000, got 0."),
        ({"lock": {"packages": {"numpy": 2}}}, "recipe.lock.packages.numpy", "Expected a version, got 2."),
        (
            {"data": {"fingerprint": "abc"}},
            "recipe.data.fingerprint",
            'Expected a SHA-256 of 64 hexadecimal digits, as result.json has it, got "abc".',
        ),
        (
            {"data": {"rows": {"train": -1}}},
            "recipe.data.rows.train",
            "Expected a whole number from 0 to 1000000000, got -1.",
        ),
        ({"meaning": 3}, "recipe.meaning", "Expected a string, got 3."),
    ],
)
def test_a_mistake_is_told_with_its_key(block: dict[str, Any], where: str, message: str) -> None:
    assert (where, message) in problems(**block)
