from __future__ import annotations

import pytest

from tests.lint.rules.conftest import FindAll, Train

ID = "unscaled-target"
RAW = ("dataset=diabetes", "dataset.standardise_target=false")  # a mean of 152, a deviation of 77


@pytest.mark.parametrize("words", [("model=mlp", "optimizer=sgd"), ("model=mlp", "optimizer=adam"), ("model=tabular",)])
def test_networks_start_far_from_large_targets(find: FindAll, words: tuple[str, ...]) -> None:
    (found,) = find(ID, *RAW, *words)
    assert (found.severity, found.key) == ("warning", "dataset.standardise_target")
    assert found.fix == "dataset.standardise_target=true"
    assert "their mean is 156 from 0, with a deviation of 76.2" in found.message
    assert "Networks start with outputs of about one" in found.message
    assert not find(ID, *RAW, *words, found.fix)


def test_steps_of_one_size_do_not_reach_large_targets(find: FindAll) -> None:
    (found,) = find(ID, *RAW, "model=linear", "optimizer=adam", "optimizer.lr=0.01", "trainer.max_steps=1000")
    assert "1,000 steps of 0.01 move a weight by 10 at the most." in found.message
    assert not find(ID, *RAW, "model=linear", "optimizer=adam", "optimizer.lr=0.2", "trainer.max_steps=1000")


def test_steps_may_be_wider_than_all_targets(find: FindAll) -> None:
    small = ("dataset=line", "dataset.slope=0.0001", "dataset.intercept=0", "dataset.standardise_target=false")
    (found,) = find(ID, *small, "optimizer=adam", "optimizer.lr=0.01")  # a deviation of 0.0029
    assert "A step of 0.01 moves outputs across all of them." in found.message
    assert not find(ID, *small, "optimizer=sgd")


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=diabetes", "model=mlp"),
        (*RAW, "model=linear", "optimizer=sgd"),  # steps that grow with the error: exact least squares
        ("recipe=line_regression",),
        ("dataset=series", "dataset.path=example:weather.csv", "dataset.standardise_target=false"),
        ("dataset=iris", "model=mlp"),
    ],
)
def test_other_targets_and_steps_are_fine(find: FindAll, words: tuple[str, ...]) -> None:
    assert not find(ID, *words)


def test_absolute_errors_do_not_make_steps_grow(find: FindAll) -> None:
    (found,) = find(ID, *RAW, "model=linear", "optimizer=sgd", "loss=mae", "trainer.max_steps=1000")
    assert "1,000 steps of 0.01 move a weight by 10 at the most." in found.message


def test_the_cure_trains_better(find: FindAll, train: Train) -> None:
    words = ("dataset=diabetes", "model=linear", "optimizer=adam", "trainer.epochs=50")
    (found,) = find(ID, *words, "dataset.standardise_target=false")
    assert train(*words, "dataset.standardise_target=false")["test/r2"] < -1
    assert train(*words, str(found.fix))["test/r2"] > 0.4
