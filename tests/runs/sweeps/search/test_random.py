from __future__ import annotations

import math

from dlrun.runs.sweeps.search.random import Random
from tests.runs.sweeps.search.spaces import LR, SIZE, ask, space_of, texts

FIRST_THREE = [  # as worked out with b2sum from `random/0/TRIAL/0/KEY`
    "optimizer.lr=0.00128293 trainer.batch_size=32",
    "optimizer.lr=0.000362855 trainer.batch_size=32",
    "optimizer.lr=0.000168682 trainer.batch_size=8",
]


def test_the_same_seed_draws_the_same_trials_everywhere() -> None:
    found = texts(ask(Random(space_of(LR, SIZE), seed=0), 3))
    assert found == FIRST_THREE
    assert texts(ask(Random(space_of(LR, SIZE), seed=0), 9))[:3] == found  # more trials begin with the same
    assert texts(ask(Random(space_of(LR, SIZE), seed=1), 3)) != found


def test_another_dimension_leaves_the_others_as_they_were() -> None:
    rates = [trial["optimizer.lr"] for trial in ask(Random(space_of(LR), seed=0), 5)]
    assert [trial["optimizer.lr"] for trial in ask(Random(space_of(LR, SIZE, "model=mlp,linear"), seed=0), 5)] == rates


def test_each_decade_is_as_likely() -> None:
    rates = [float(trial["optimizer.lr"].value) for trial in ask(Random(space_of(LR), seed=0), 2000)]
    counts = [sum(math.floor(math.log10(rate)) == decade for rate in rates) for decade in range(-4, 0)]
    assert sum(counts) == 2000
    assert all(420 < each < 580 for each in counts)


def test_lists_are_drawn_without_repeating_until_they_are_used_up() -> None:
    random = Random(space_of(SIZE, "model=mlp,linear"), seed=0)
    found = texts(ask(random, 9))
    assert len(found) == len(set(found)) == 6
