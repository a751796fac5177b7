"""`search=lhs`: a Latin hypercube (McKay, Beckman and Conover 1979).

Each range is cut into as many parts as there are trials, and each part is used once; each value of a list is used
equally often, give or take one.
"""

from __future__ import annotations

from dlrun.configuration.sweeps.space import Space, Trial
from dlrun.runs.sweeps.search.draw import new_trial, text_of, uniform
from dlrun.runs.sweeps.search.outcome import Outcome

_SHUFFLES, _MOST_TO_SHUFFLE = 20, 1000  # tried, and trials of such, where lists are so short that trials coincide


class LatinHypercube:
    """Spreads a known number of trials over the space by a seed (as a Sampler)."""

    learns = False

    def __init__(self, space: Space, *, seed: int, num_trials: int) -> None:
        self._space, self._seed = space, seed
        self._trials = _with_fewest_equal(space, seed=seed, num_trials=min(num_trials, space.size or num_trials))
        self._planned = {text_of(trial) for trial in self._trials}
        self._seen: set[tuple[str, ...]] = set()
        self._asked = 0

    def ask(self) -> Trial | None:
        """Return the next trial; one that coincides with an earlier one is drawn at random instead."""
        while self._asked < len(self._trials):
            trial: Trial | None = self._trials[self._asked]
            self._asked += 1
            if trial is not None and text_of(trial) in self._seen:
                trial = new_trial(self._space, self._seen | self._planned, "lhs", self._seed, self._asked)
            if trial is not None:
                self._seen.add(text_of(trial))
                return trial
        return None

    def recall(self, trial: Trial) -> None:
        """Do nothing: trials depend on the seed only."""

    def tell(self, trial: int, outcome: Outcome) -> None:
        """Learn nothing."""


def hypercube(space: Space, *, seed: int, num_trials: int, shuffle: int = 0) -> list[Trial]:
    """Return a Latin hypercube of trials; another `shuffle` gives another."""
    columns = {}
    for key, domain in space.dimensions.items():
        names = ("lhs", seed, num_trials, shuffle, key)
        drawn = [uniform(*names, "order", part) for part in range(num_trials)]
        parts = sorted(range(num_trials), key=drawn.__getitem__)
        columns[key] = [domain.at((part + uniform(*names, "within", part)) / num_trials) for part in parts]
    return [{key: column[number] for key, column in columns.items()} for number in range(num_trials)]


def _with_fewest_equal(space: Space, *, seed: int, num_trials: int) -> list[Trial]:
    """Return the hypercube, of several shuffles, in which the fewest trials coincide."""
    best: list[Trial] = []
    most = 0
    for shuffle in range(_SHUFFLES if num_trials <= _MOST_TO_SHUFFLE else 1):
        trials = hypercube(space, seed=seed, num_trials=num_trials, shuffle=shuffle)
        different = len({text_of(trial) for trial in trials})
        if different > most:
            best, most = trials, different
        if different == num_trials:
            break
    return best
