"""Some mutated recipes; `python -m tests.hostile.mutations` tries as many as wanted."""

from __future__ import annotations

import random
from pathlib import Path

from tests.hostile.mutations import MOST_S, MUTATIONS, mutated, seeds, try_all


def test_mutated_recipes_are_refused_in_words_or_accepted_at_once(tmp_path: Path) -> None:
    outcome = try_all(1200, seed=2, folder=tmp_path)
    assert outcome.failures == []
    assert sum(outcome.counts.values()) == 1200
    assert outcome.counts["accepted"] > 10
    assert outcome.counts["refused"] > 600
    assert [
        raw for seconds, raw in outcome.slowest if seconds > 3 * MOST_S
    ] == []  # three times: other tests run beside


def test_the_same_seed_gives_the_same_mutations() -> None:
    start = seeds()
    first, second = (mutated(random.Random(5), start) for _ in range(2))
    assert first == second
    assert first not in start


def test_every_mutation_changes_something() -> None:
    text = "seed: 1\nmodel: {name: cnn}\ntrainer: {epochs: 3}\n"
    for mutate in MUTATIONS:
        assert any(mutate(random.Random(seed), text) != text for seed in range(20)), mutate.__name__
