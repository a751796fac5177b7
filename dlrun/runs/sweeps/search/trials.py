"""The search over a space: each trial becomes a point for each seed and fold, which are told as one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from dlrun.configuration.plan import Plan
from dlrun.configuration.sweeps.space import Space, Trial
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.draw import text_of
from dlrun.runs.sweeps.search.outcome import outcome_of
from dlrun.runs.sweeps.search.sampler import Sampler
from dlrun.runs.sweeps.search.search import Known, Search


class Trials(Search):
    """Searches a space.

    num_trials: how many trials there will be, with those of an earlier start; None for as long as there is time.
    objectives: what is told of a trial; [] is the metric that chooses its checkpoints.
    """

    def __init__(self, space: Space, sampler: Sampler, *, num_trials: int | None, objectives: Sequence[str]) -> None:
        self._space, self._sampler, self._objectives = space, sampler, objectives
        self._most = num_trials if space.size is None else min(num_trials or space.size, space.size)
        self._recalled: deque[Trial] = deque()
        self._waiting: deque[tuple[int, Plan]] = deque()  # points of the trial that was asked for last
        self._open: dict[int, list[SweepRow | None]] = {}  # for each trial its rows, None until a point has ended
        self._trial_of: dict[int, int] = {}  # by the number of a point that runs
        self._last = 0  # the trial of the point that `next` returned last
        self._num_trials, self._num_asked = 0, 0
        self.num_points = self._count_points()

    def recall(self, known: Sequence[Known]) -> None:
        """Take the trials that the sweep's folder has, if the sampler learns: it asks for them first."""
        if not self._sampler.learns:
            return
        trials = [self._space.trial_of(dict(word.split("=", 1) for word in each.words)) for each in known]
        unlike = {text_of(trial): trial for trial in trials if trial is not None}
        self._recalled.extend(unlike.values())
        self.num_points = self._count_points()

    def next(self) -> Plan | None:
        """Return the next point: the next seed of the trial, or the first of another trial."""
        if not self._waiting and not self._begin_trial():
            return None
        self._last, plan = self._waiting.popleft()
        self._num_asked += 1
        return plan

    def begin(self, point: int, overrides: Sequence[str]) -> None:
        """Note which trial a point belongs to."""
        self._trial_of[point] = self._last

    def tell(self, row: SweepRow) -> None:
        """Take the outcome of a point; the last one of a trial tells the sampler."""
        trial = self._trial_of.pop(row.point)
        rows = self._open[trial]
        rows[rows.index(None)] = row
        known = [each for each in rows if each is not None]
        if len(known) == len(rows):
            del self._open[trial]
            self._sampler.tell(trial, outcome_of(known, self._objectives))

    def _begin_trial(self) -> bool:
        """Ask for one more trial; return whether there is one."""
        trial: Trial | None = None
        if self._recalled:
            trial = self._recalled.popleft()
            self._sampler.recall(trial)
        elif self._most is None or self._num_trials < self._most:
            trial = self._sampler.ask()
        if trial is None:
            self._most = self._num_trials
            self.num_points = self._num_asked
            return False
        number, self._num_trials = self._num_trials, self._num_trials + 1
        plans = self._space.points(trial)
        self._open[number] = [None] * len(plans)
        self._waiting.extend((number, plan) for plan in plans)
        self.num_points = self._count_points()
        return True

    def _count_points(self) -> int | None:
        """Return how many points there will be, if all trials have as many as the last."""
        if self._most is None:
            return None
        left = max(self._most, self._num_trials + len(self._recalled)) - self._num_trials
        return self._num_asked + len(self._waiting) + left * self._space.num_repeats()
