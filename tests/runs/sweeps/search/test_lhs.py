from __future__ import annotations

import math

import pytest

from dlrun.runs.sweeps.search.lhs import LatinHypercube, hypercube
from tests.runs.sweeps.search.spaces import LR, SIZE, ask, space_of, texts


@pytest.mark.parametrize("seed", [0, 1])
def test_each_part_of_a_range_is_used_once(seed: int) -> None:
    trials = hypercube(space_of(LR, "model.dropout=interval(0,0.5)", "model=mlp"), seed=seed, num_trials=8)
    rates = sorted(math.log10(float(trial["optimizer.lr"].value)) for trial in trials)
    assert [math.floor((rate + 4) / 0.5) for rate in rates] == list(range(8))  # four decades in eight parts
    shares = sorted(float(trial["model.dropout"].value) for trial in trials)
    assert [math.floor(share * 16) for share in shares] == list(range(8))


def test_lists_and_whole_numbers_are_balanced() -> None:
    trials = hypercube(space_of(SIZE, "trainer.epochs=interval(1,4)", LR), seed=0, num_trials=12)
    sizes = [trial["trainer.batch_size"].value for trial in trials]
    assert [sizes.count(size) for size in (8, 16, 32)] == [4, 4, 4]
    epochs = [trial["trainer.epochs"].value for trial in trials]
    assert [epochs.count(number) for number in (1, 2, 3, 4)] == [3, 3, 3, 3]
    five = [trial["trainer.batch_size"].value for trial in hypercube(space_of(SIZE, LR), seed=0, num_trials=5)]
    assert sorted(five.count(size) for size in (8, 16, 32)) == [1, 2, 2]


def test_dimensions_are_shuffled_apart() -> None:
    trials = hypercube(space_of(LR, "model=mlp", "model.dropout=interval(0,0.5)"), seed=0, num_trials=20)
    by_rate = sorted(trials, key=lambda trial: float(trial["optimizer.lr"].value))
    shares = [float(trial["model.dropout"].value) for trial in by_rate]
    assert shares not in (sorted(shares), sorted(shares, reverse=True))


def test_the_same_seed_gives_the_same_trials() -> None:
    found = [texts(ask(LatinHypercube(space_of(LR, SIZE), seed=seed, num_trials=5), 9)) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert len(found[0]) == 5


@pytest.mark.parametrize("num_trials", [4, 6, 50])
def test_no_trial_is_repeated_where_lists_are_short(num_trials: int) -> None:
    found = texts(ask(LatinHypercube(space_of(SIZE, "model=mlp,linear"), seed=0, num_trials=num_trials), 60))
    assert len(found) == len(set(found)) == min(num_trials, 6)
