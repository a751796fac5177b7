from __future__ import annotations

import math
import statistics
import warnings

import pytest

from dlrun.configuration.sweeps.space import Space, Trial
from dlrun.runs.sweeps.search.lhs import LatinHypercube
from dlrun.runs.sweeps.search.outcome import Outcome
from dlrun.runs.sweeps.search.random import Random
from dlrun.runs.sweeps.search.sampler import Sampler
from tests.runs.sweeps.search.spaces import LR, SIZE, ask, space_of, texts

pytest.importorskip("optuna")

from dlrun.runs.sweeps.search.tpe import Tpe

WIDE = (
    LR,
    "trainer.batch_size=interval(1,512)",
    "model=mlp",
    "model.activation=relu,tanh,gelu",
    "model.dropout=0,0.1,0.5",
)


def sampler_of(space: Space, *, seed: int = 0, num_trials: int | None = 30, num_objectives: int = 1) -> Tpe:
    return Tpe(space, seed=seed, num_objectives=num_objectives, num_trials=num_trials)


def loss(trial: Trial) -> float:
    """A bowl with its bottom at a rate of 0.01, a batch of 100, gelu."""
    rate = (math.log10(float(trial["optimizer.lr"].value)) + 2) ** 2
    size = (float(trial["trainer.batch_size"].value) / 100 - 1) ** 2
    return rate + size + (trial["model.activation"].text != "gelu") + 4 * float(trial["model.dropout"].value)


def train(sampler: Sampler, count: int, *, first: int = 0) -> list[Trial]:
    found = []
    for number in range(first, first + count):
        trial = sampler.ask()
        assert trial is not None
        sampler.tell(number, Outcome("completed", (loss(trial),)))
        found.append(trial)
    return found


def test_it_begins_with_a_latin_hypercube() -> None:
    space = space_of(*WIDE)
    expected = texts(ask(LatinHypercube(space, seed=3, num_trials=10), 10))
    assert texts(train(sampler_of(space, seed=3), 12))[:10] == expected
    few = texts(train(sampler_of(space, seed=3, num_trials=9), 9))
    assert few[:3] == texts(ask(LatinHypercube(space, seed=3, num_trials=3), 3))


def test_it_finds_better_trials_than_drawing_them() -> None:
    space = space_of(*WIDE)
    ours = [min(map(loss, train(sampler_of(space, seed=seed), 30))) for seed in range(5)]
    drawn = [min(map(loss, ask(Random(space, seed=seed), 30))) for seed in range(5)]
    assert statistics.fmean(ours) < 0.6 * statistics.fmean(drawn)


def test_a_search_that_was_killed_goes_on_as_it_would_have() -> None:
    space = space_of(*WIDE)
    whole = train(sampler_of(space), 25)
    for killed_at in (5, 13, 24):
        again = sampler_of(space)
        for number, trial in enumerate(whole[:killed_at]):
            again.recall(trial)
            again.tell(number, Outcome("completed", (loss(trial),)))
        assert texts(train(again, 25 - killed_at, first=killed_at)) == texts(whole[killed_at:])


def test_a_trial_under_way_is_not_proposed_again() -> None:
    sampler = sampler_of(space_of(*WIDE))
    train(sampler, 12)
    together = [sampler.ask() for _ in range(8)]  # none of them is told
    assert len({str(trial) for trial in together}) == 8


def test_no_trial_is_repeated_and_lists_end() -> None:
    sampler = sampler_of(space_of(SIZE, "model=mlp,linear"), num_trials=None)
    found = []
    for number in range(6):
        trial = sampler.ask()
        assert trial is not None
        found.append(trial)
        sampler.tell(number, Outcome("completed", (float(number),)))
    assert len(set(texts(found))) == 6
    assert sampler.ask() is None


def test_failed_trials_teach_nothing_and_pruned_ones_what_they_reached() -> None:
    space = space_of(LR)
    sampler = sampler_of(space)
    for number in range(20):
        trial = sampler.ask()
        assert trial is not None
        is_good = float(trial["optimizer.lr"].value) < 0.01
        outcome = Outcome("completed", (0.0,)) if is_good else Outcome("pruned", (1.0,))
        sampler.tell(number, Outcome("failed") if number % 5 == 4 else outcome)
    rates = [float(trial["optimizer.lr"].value) for trial in ask(sampler, 5)]
    assert all(rate < 0.02 for rate in rates)


def test_several_objectives_are_sought_together() -> None:
    space = space_of(LR, "trainer.batch_size=interval(1,512)")
    sampler = sampler_of(space, num_objectives=2, num_trials=40)
    losses = []
    for number in range(40):
        trial = sampler.ask()
        assert trial is not None
        far = abs(math.log10(float(trial["optimizer.lr"].value)) + 2)
        losses.append((far, float(trial["trainer.batch_size"].value)))
        sampler.tell(number, Outcome("completed", losses[-1]))
    for each in (0, 1):  # a hypercube's mean first: 1 decade off, 256 rows
        first, last = (statistics.fmean(pair[each] for pair in part) for part in (losses[:10], losses[30:]))
        assert last < 0.7 * first


def test_optuna_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        level = optuna.logging.get_verbosity()
        train(sampler_of(space_of(*WIDE)), 14)
        assert optuna.logging.get_verbosity() == level
    assert capfd.readouterr() == ("", "")
