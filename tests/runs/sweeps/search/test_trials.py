from __future__ import annotations

from dlrun.configuration.override_text import value_of
from dlrun.configuration.sweeps.space import Trial
from dlrun.runs.sweeps.jobs import Measured
from dlrun.runs.sweeps.search.outcome import Outcome
from dlrun.runs.sweeps.search.search import Known
from dlrun.runs.sweeps.search.trials import Trials
from tests.runs.sweeps.search.spaces import LR, SIZE, row, space_of


class Planned:
    """Asks for the batch sizes 8, 16, 32 in this order; notes what it is told."""

    def __init__(self, *, learns: bool = False) -> None:
        self.learns = learns
        self.left = [8, 16, 32]
        self.recalled: list[str] = []
        self.told: list[tuple[int, Outcome]] = []

    def ask(self) -> Trial | None:
        return {"trainer.batch_size": value_of(self.left.pop(0))} if self.left else None

    def recall(self, trial: Trial) -> None:
        self.recalled.append(trial["trainer.batch_size"].text)
        self.left.remove(int(trial["trainer.batch_size"].text))

    def tell(self, trial: int, outcome: Outcome) -> None:
        self.told.append((trial, outcome))


def labels(trials: Trials, count: int) -> list[str]:
    return [plan.label.replace("trainer.", "") for _ in range(count) if (plan := trials.next()) is not None]


def test_each_trial_is_asked_for_with_each_seed() -> None:
    trials = Trials(space_of(SIZE, "seed=0,1"), Planned(), num_trials=2, objectives=[])
    assert trials.num_points == 4
    assert labels(trials, 9) == [f"batch_size={size} seed={seed}" for size in (8, 16) for seed in (0, 1)]
    assert trials.num_points == 4


def test_lists_end_a_search_that_has_no_number_of_trials() -> None:
    trials = Trials(space_of(SIZE), Planned(), num_trials=None, objectives=[])
    assert trials.num_points == 3
    assert labels(trials, 9) == ["batch_size=8", "batch_size=16", "batch_size=32"]
    assert Trials(space_of(LR), Planned(), num_trials=None, objectives=[]).num_points is None


def test_a_sampler_that_ends_early_ends_the_search() -> None:
    trials = Trials(space_of("trainer.batch_size=interval(1,99)"), Planned(), num_trials=50, objectives=[])
    assert trials.num_points == 50
    assert len(labels(trials, 9)) == 3
    assert trials.num_points == 3


def test_the_last_point_of_a_trial_tells_the_sampler_the_mean() -> None:
    sampler = Planned()
    trials = Trials(space_of(SIZE, "seed=0,1"), sampler, num_trials=3, objectives=[])
    for point in range(4):
        trials.next()
        trials.begin(point, [])
    assert trials.observe(0, Measured(0, 1, 1, 0.1)) is None
    trials.tell(row(2, 0.5))  # points end in any order
    trials.tell(row(0, 0.25))
    assert sampler.told == []
    trials.tell(row(1, 0.75))
    trials.tell(row(3, 0.5, status="diverged"))
    assert sampler.told == [(0, Outcome("completed", (-0.5,))), (1, Outcome("failed"))]


def test_points_are_told_apart_by_number_in_any_order() -> None:
    sampler = Planned()
    trials = Trials(space_of(SIZE), sampler, num_trials=3, objectives=[])
    trials.next()
    trials.begin(7, [])
    trials.tell(row(7, 0.5))  # it was done before
    for number in (9, 4):  # two are asked for together
        trials.next()
        trials.begin(number, [])
    trials.tell(row(4, 0.125))
    trials.tell(row(9, 0.25))
    assert sampler.told == [
        (0, Outcome("completed", (-0.5,))), (2, Outcome("completed", (-0.125,))), (1, Outcome("completed", (-0.25,))),
    ]  # fmt: skip


KNOWN = [
    Known(0, ("dataset=iris", "trainer.batch_size=16", "seed=0")),
    Known(1, ("dataset=iris", "trainer.batch_size=16", "seed=1")),
    Known(2, ("dataset=wine", "trainer.batch_size=8", "seed=0")),  # of another command
    Known(3, ("dataset=iris", "trainer.batch_size=32", "seed=0")),
]


def test_a_sampler_that_learns_asks_for_known_trials_first() -> None:
    sampler = Planned(learns=True)
    trials = Trials(space_of(SIZE, "seed=0,1"), sampler, num_trials=3, objectives=[])
    trials.recall(KNOWN)
    assert trials.num_points == 6
    assert labels(trials, 9) == [f"batch_size={size} seed={seed}" for size in (16, 32, 8) for seed in (0, 1)]
    assert sampler.recalled == ["16", "32"]


def test_a_sampler_that_does_not_learn_asks_for_the_same_again() -> None:
    sampler = Planned()
    trials = Trials(space_of(SIZE, "seed=0,1"), sampler, num_trials=3, objectives=[])
    trials.recall(KNOWN)
    assert labels(trials, 1) == ["batch_size=8 seed=0"]
    assert sampler.recalled == []


def test_trials_that_are_known_are_not_cut_off() -> None:
    trials = Trials(space_of(SIZE, "seed=0,1"), Planned(learns=True), num_trials=1, objectives=[])
    trials.recall(KNOWN)
    assert len(labels(trials, 9)) == 4
