from __future__ import annotations

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.check_ranges import number_in
from dlrun.configuration.sweeps.space import plan_search
from dlrun.errors import ConfigError

SEARCH = ("search=random", "search.trials=3")


def problems(*words: str) -> list[tuple[str, str, str, str | None]]:
    catalog = Catalog()
    with pytest.raises(ConfigError) as caught:
        plan_search(parse_overrides([*SEARCH, *words], catalog, multirun=True), catalog)
    return [(each.where, each.message, each.id, each.fix) for each in caught.value.problems]


@pytest.mark.parametrize(
    ("word", "message", "fix"),
    [
        (
            "optimizer.lr=interval(1e-1,1e-4)",
            "The lower end must come first: optimizer.lr=interval(0.0001,0.1)",
            "optimizer.lr=interval(0.0001,0.1)",
        ),
        (
            "optimizer.lr=tag(log,interval(1e-1,1e-4))",
            "The lower end must come first: optimizer.lr=tag(log,interval(0.0001,0.1))",
            "optimizer.lr=tag(log,interval(0.0001,0.1))",
        ),
        ("optimizer.lr=interval(2,2)", "Both ends are 2. For one value, write optimizer.lr=2.", "optimizer.lr=2"),
        ("optimizer.lr=interval(0.1,inf)", "Both ends must be finite numbers.", None),
        (
            "optimizer.weight_decay=tag(log,interval(0,1))",
            "A logarithm needs numbers above 0, got 0. Raise the end, or leave out tag(log).",
            None,
        ),
        (
            "optimizer.lr=interval(1,5000)",
            "The upper end is out of bounds. Expected a number above 0, at most 1000 or auto, got 5000.0.",
            None,
        ),
        ("trainer.batch_size=interval(1,2.5)", "The field takes whole numbers: both ends must be whole.", None),
        (
            "trainer.shuffle=interval(0,1)",
            "Expected true or false, and a range is of numbers. List the values to try: trainer.shuffle=A,B",
            None,
        ),
        (
            "model.hidden=interval(8,16)",
            "Expected a list, each a whole number from 1 to 65536, and a range is of numbers. List the values to try: "
            "model.hidden=A,B",
            None,
        ),
        (
            "metric=interval(0,1)",
            "Expected a string, and a range is of numbers. List the values to try: metric=A,B",
            None,
        ),
        (
            "seed=interval(0,9)",
            "A search trains every trial with each seed; it does not choose one. List them: seed=0,1,2",
            "seed=0,1,2",
        ),
    ],
)
def test_a_wrong_range_is_told_with_what_to_write(word: str, message: str, fix: str | None) -> None:
    assert problems("model=mlp", word) == [
        (word, message, "wrong-range" if "bounds" not in message else "wrong-value", fix)
    ]


@pytest.mark.parametrize(
    ("word", "message", "fix"),
    [
        (
            "optimizer.lrr=interval(0.1,1)",
            'The optimizer "adamw" has no field "lrr". Did you mean "optimizer.lr"?',
            "optimizer.lr=interval(0.1,1)",
        ),
        (
            "optimiser.lr=interval(0.1,1)",
            'Unknown key "optimiser.lr". Did you mean "optimizer.lr"?',
            "optimizer.lr=interval(0.1,1)",
        ),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_the_range_in_the_fix(word: str, message: str, fix: str) -> None:
    assert problems("model=mlp", "optimizer=adamw", word) == [(word, message, "unknown-key", fix)]


@pytest.mark.parametrize("key", ["model", "recipe"])
def test_an_option_has_no_range(key: str) -> None:
    what = f"{key} takes the name of an option. List those to try: {key}=A,B"
    assert problems(f"{key}=interval(0,1)")[0][:2] == (f"{key}=interval(0,1)", what)


def test_every_mistake_is_told_at_once() -> None:
    found = problems(
        "model=mlp", "optimizer.lr=interval(1,1e-3)", "model.dropout=interval(0,1)", "trainer.batch_size=interval(0,8)",
        "scheduler.warmup=nonsense", "seed=interval(0,1)",
    )  # fmt: skip
    assert [where.partition("=")[0] for where, *_ in found] == [
        "scheduler.warmup", "optimizer.lr", "model.dropout", "trainer.batch_size", "seed",
    ]  # fmt: skip


def test_both_ends_are_held_against_other_settings() -> None:
    what = "Together with dataset.test_fraction this leaves no rows to train on; their sum must be below 1."
    words = ("dataset=iris", "dataset.test_fraction=0.2")
    assert [each[1] for each in problems(*words, "dataset.val_fraction=interval(0,0.9)")] == [what]
    catalog = Catalog()
    words = (*SEARCH, *words, "dataset.val_fraction=interval(0,0.7)")
    assert plan_search(parse_overrides(words, catalog, multirun=True), catalog).dimensions


def test_a_field_takes_the_numbers_of_its_type() -> None:
    catalog = Catalog()
    words = [
        *SEARCH, "model=mlp", "optimizer.lr=tag(log,interval(1e-4,1))", "trainer.batch_size=interval(8,64)",
        "model.dropout=interval(0,0.5)", "trainer.early_stop.patience=interval(1,9)",
        "trainer.clip_norm=int(interval(1,9))",
    ]  # fmt: skip
    space = plan_search(parse_overrides(words, catalog, multirun=True), catalog)
    assert {key: domain.size is not None for key, domain in space.dimensions.items()} == {
        "optimizer.lr": False,
        "trainer.batch_size": True,
        "model.dropout": False,
        "trainer.early_stop.patience": True,
        "trainer.clip_norm": True,
    }


def test_a_type_says_which_numbers_it_takes() -> None:
    assert [number_in(kind) for kind in (int, float, int | None, int | float, bool, str, list[int])] == [
        int, float, int, float, None, None, None,
    ]  # fmt: skip


def test_without_a_search_a_range_is_told_what_to_add() -> None:
    catalog = Catalog()
    with pytest.raises(ConfigError) as caught:
        plan_runs(parse_overrides(["optimizer.lr=interval(0.1,1)"], catalog), catalog)
    assert [each.message for each in caught.value.problems] == [
        "A range is for a search: add -m search=random search.trials=20, or write one value."
    ]
