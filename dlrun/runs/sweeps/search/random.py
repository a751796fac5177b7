"""`search=random`: every trial is drawn evenly from the whole space, and none twice."""

from __future__ import annotations

from dlrun.configuration.sweeps.space import Space, Trial
from dlrun.runs.sweeps.search.draw import new_trial, text_of
from dlrun.runs.sweeps.search.outcome import Outcome


class Random:
    """Draws trials by a seed; a search with more trials begins with the same ones (as a Sampler)."""

    learns = False

    def __init__(self, space: Space, *, seed: int) -> None:
        self._space, self._seed = space, seed
        self._seen: set[tuple[str, ...]] = set()

    def ask(self) -> Trial | None:
        """Return the next trial; None once a space of lists is used up."""
        trial = new_trial(self._space, self._seen, "random", self._seed, len(self._seen))
        if trial is not None:
            self._seen.add(text_of(trial))
        return trial

    def recall(self, trial: Trial) -> None:
        """Do nothing: trials depend on the seed only."""

    def tell(self, trial: int, outcome: Outcome) -> None:
        """Learn nothing."""
