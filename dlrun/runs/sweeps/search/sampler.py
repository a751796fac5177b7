"""What chooses the trials of a search: values for each dimension. Seeds and folds are the search's own matter."""

from __future__ import annotations

from typing import Protocol

from dlrun.configuration.sweeps.space import Trial
from dlrun.runs.sweeps.search.outcome import Outcome


class Sampler(Protocol):
    """Chooses trials, numbered from 0 in the order in which they are asked for.

    learns: whether a trial depends on the outcomes of earlier ones.
    """

    learns: bool

    def ask(self) -> Trial | None:
        """Return the next trial, different from all before; None if there is no other."""
        ...

    def recall(self, trial: Trial) -> None:
        """Count a trial of an earlier start as asked for; only of a sampler that learns."""
        ...

    def tell(self, trial: int, outcome: Outcome) -> None:
        """Take how a trial ended."""
        ...
