"""`search=tpe`: optuna's tree-structured Parzen estimator (Bergstra et al. 2011), asked and told.

The sweep's own rows are what is remembered: a search that goes on tells them to a new study. Each proposal depends only
on them and on a seed of its own, so a search that was killed goes on as it would have without.
"""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Iterator
from typing import Any

from dlrun.configuration.override_text import Value
from dlrun.configuration.sweeps.ranges import Choices, Domain, Interval
from dlrun.configuration.sweeps.space import Space, Trial
from dlrun.runs.sweeps.search.draw import new_trial, seed_of, text_of
from dlrun.runs.sweeps.search.lhs import LatinHypercube
from dlrun.runs.sweeps.search.outcome import Outcome

_FIRST = 10  # trials of a Latin hypercube, from which the model begins
_PROPOSALS = 10  # asked for, where lists are so short that the model proposes what was tried


class Tpe:
    """Proposes trials by a model of those before (as a Sampler).

    num_objectives: of which it seeks the Pareto front. num_trials: how many there will be, if that is known. That
    optuna is installed was checked with the request.
    """

    learns = True

    def __init__(self, space: Space, *, seed: int, num_objectives: int, num_trials: int | None) -> None:
        self._optuna: Any = importlib.import_module("optuna")
        self._space, self._seed = space, seed
        self._distributions = {key: self._distribution(domain) for key, domain in space.dimensions.items()}
        with self._quietly():
            self._study = self._optuna.create_study(directions=["minimize"] * num_objectives)
        self._places: list[int] = []  # of each trial in the study, which has others besides: what the model proposed
        self._num_in_study = 0
        self._trials: list[Trial] = []
        self._seen: set[tuple[str, ...]] = set()
        self._num_first = _FIRST if num_trials is None else min(_FIRST, max(1, num_trials // 3))
        self._first = LatinHypercube(space, seed=seed, num_trials=self._num_first)

    def ask(self) -> Trial | None:
        """Return the next trial: of a Latin hypercube first, then the model's, or if that was tried, a random one."""
        number = len(self._places)
        trial: Trial | None = self._first.ask()
        if number >= self._num_first or trial is None or text_of(trial) in self._seen:
            trial = self._propose(number)
        if trial is not None:
            self._add(trial)
        return trial

    def recall(self, trial: Trial) -> None:
        """Count a trial of an earlier start as asked for."""
        self._first.ask()
        self._add(trial)

    def tell(self, trial: int, outcome: Outcome) -> None:
        """Tell the model; of a pruned trial, the value that it had reached."""
        states = self._optuna.trial.TrialState
        place = self._places[trial]
        with self._quietly():
            if outcome.status == "completed":
                self._study.tell(place, list(outcome.losses))
            elif outcome.status == "pruned":
                self._study.tell(place, state=states.FAIL)  # optuna takes a value only with the trial
                self._put(self._trials[trial], states.PRUNED, intermediate_values={0: outcome.losses[0]})
            else:
                self._study.tell(place, state=states.FAIL)

    def _propose(self, number: int) -> Trial | None:
        """Return a trial of the model that was not tried; one at random where it proposes none; None if all were."""
        states = self._optuna.trial.TrialState
        with self._quietly():
            for attempt in range(_PROPOSALS):
                self._study.sampler = self._optuna.samplers.TPESampler(
                    seed=seed_of("tpe", self._seed, number, attempt),
                    n_startup_trials=max(1, self._num_first // 2),  # fewer that completed make no model
                    multivariate=True,
                    constant_liar=True,
                )
                asked = self._study.ask(self._distributions)
                self._num_in_study += 1
                self._study.tell(asked.number, state=states.FAIL)  # it is added again with the values that are trained
                trial = {key: _value(self._space.dimensions[key], asked.params[key]) for key in self._distributions}
                if text_of(trial) not in self._seen:
                    return trial
        return new_trial(self._space, self._seen, "tpe", self._seed, number)

    def _add(self, trial: Trial) -> None:
        """Add a trial to the study as one that runs."""
        self._seen.add(text_of(trial))
        self._trials.append(trial)
        self._places.append(self._num_in_study)
        with self._quietly():
            self._put(trial, self._optuna.trial.TrialState.RUNNING)

    def _put(self, trial: Trial, state: Any, **values: Any) -> None:
        """Add a trial with the values that are trained to the study."""
        params = {key: _param(self._space.dimensions[key], value) for key, value in trial.items()}
        made = self._optuna.trial.create_trial(state=state, params=params, distributions=self._distributions, **values)
        self._study.add_trial(made)
        self._num_in_study += 1

    def _distribution(self, domain: Domain) -> Any:
        """Return a domain as optuna has it; numbers in order by their places, so that neighbours are alike."""
        kinds = self._optuna.distributions
        if isinstance(domain, Interval):
            return (kinds.IntDistribution if domain.whole else kinds.FloatDistribution)(
                domain.low, domain.high, log=domain.log
            )
        size = domain.size or 1
        if isinstance(domain, Choices) and domain.are_ordered_numbers:
            return kinds.IntDistribution(0, size - 1)
        return kinds.CategoricalDistribution(range(size))

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        """Keep optuna's log lines and its notes on experimental arguments from the terminal."""
        level = self._optuna.logging.get_verbosity()
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            self._optuna.logging.set_verbosity(level)


def _value(domain: Domain, param: Any) -> Value:
    return domain.nearest(float(param)) if isinstance(domain, Interval) else domain.number(int(param))


def _param(domain: Domain, value: Value) -> Any:
    if isinstance(domain, Interval):
        return value.value
    return [each.text for each in domain.examples()].index(value.text)
