"""`search.prune=halving`: stop points that do badly at a share of their steps, with any search.

Asynchronous successive halving, in the variant that stops instead of promoting (L. Li et al. 2020, "A System for
Massively Parallel Hyperparameter Tuning"): a point that reaches a rung goes on if its best value until then is no worse
than the best third of the other trials that reached it. Nothing waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlrun.configuration.sweeps.repeated import without_repeats
from dlrun.runs.sweeps.jobs import Measured
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.halving_memory import Memory, Reached, Saved
from dlrun.runs.sweeps.search.search import Around, Search
from dlrun.tasks.metric_names import is_higher_better
from dlrun.wording import count, duration, number, plural

RUNGS = (1 / 9, 1 / 3)  # shares of a run's steps at which it is judged, at the next evaluation
_REDUCTION = 3  # a rung lets the best 1/3 pass
_MIN_PEERS = 4  # trials that reached a rung before one is judged there
_DATA = ("recipe", "dataset", "dataset.path", "dataset.target", "dataset.val", "metric")
"""Keys whose values decide what a metric is measured on: points that differ in them are not compared."""


class Halving(Around):
    """A search that chooses the points of another and stops those that do badly.

    A trial is a point without its seed: the first of its seeds that reaches a rung is judged, against the first ones of
    other trials, and its others share the verdict. So the seeds of a trial are all trained to the end, or none is.

    inner: chooses the points. path: a file that remembers what was decided, for a sweep that goes on.

    Raises StorageError if the file cannot be read or written.
    """

    def __init__(self, inner: Search, path: Path) -> None:
        super().__init__(inner)
        self._memory = Memory(path)
        self._trials: dict[int, tuple[str, ...]] = {}
        self._last: dict[int, Measured] = {}

    def begin(self, point: int, overrides: Sequence[str]) -> None:
        super().begin(point, overrides)
        self._trials[point] = without_repeats(overrides)

    def observe(self, point: int, measured: Measured) -> str | None:
        self._last[point] = measured
        reason = super().observe(point, measured)
        return self._judge(self._trials[point], measured) if reason is None else reason

    def tell(self, row: SweepRow) -> None:
        super().tell(row)
        last = self._last.pop(row.point, None)
        if row.status == "pruned" and last is not None and last.total_steps and last.step:
            rest = max(0, last.total_steps - last.step)
            self._memory.add(Saved(row.point, rest, last.total_steps, last.seconds / last.step * rest))

    def summary(self) -> str:
        """Return what stopping points saved."""
        saved = list(self._memory.saved.values())
        if not saved:
            return "search.prune=halving stopped no point."
        steps, of = sum(each.steps for each in saved), sum(each.of_steps for each in saved)
        share, seconds = 100 * steps / of, duration(sum(each.seconds for each in saved))
        return (
            f"search.prune=halving stopped {plural(len(saved), 'point')} early. About {count(steps)} of their "
            f"{plural(of, 'step')} ({share:.0f} %) were not trained: {seconds} saved."
        )

    def _judge(self, trial: tuple[str, ...], measured: Measured) -> str | None:
        """Note what a point has reached; return why its trial stops, or None."""
        if (before := self._memory.stopped.get(trial)) is not None:
            return before
        total, best = measured.total_steps, measured.best
        if not total or best is None or measured.step >= total:
            return None
        metric, value = str(best["metric"]), float(best["value"])
        higher = is_higher_better(metric, {"best": best})
        if higher is None:
            return None
        for rung, share in enumerate(RUNGS):
            if measured.step < share * total or self._memory.has(trial, rung):
                continue
            peers = [
                each.value
                for each in self._memory.reached(rung)
                if each.metric == metric and _data_of(each.trial) == _data_of(trial)
            ]
            reason = _verdict(value, peers, measured, metric=metric, higher=higher)
            self._memory.add(Reached(trial, rung, metric, value, reason))
            if reason is not None:
                return reason
        return None


def _data_of(trial: Sequence[str]) -> list[str]:
    return [word for word in trial if word.partition("=")[0] in _DATA]


def _verdict(value: float, peers: Sequence[float], measured: Measured, *, metric: str, higher: bool) -> str | None:
    """Return why a point with this value should stop; None if it is as good as the best third of its peers."""
    if len(peers) < _MIN_PEERS:
        return None
    worst = float("-inf") if higher else float("inf")
    ordered = sorted((worst if peer != peer else peer for peer in peers), reverse=higher)
    bar = ordered[-(-len(peers) // _REDUCTION) - 1]
    mine = worst if value != value else value
    if mine >= bar if higher else mine <= bar:
        return None
    than = "below" if higher else "above"
    return (
        f"{metric} {number(value)} after {_how_far(measured)}: {than} the best third ({number(bar)}) of "
        f"{plural(len(peers), 'other')} there"
    )


def _how_far(measured: Measured) -> str:
    """Return how far a point is: 3 of 20 epochs, or steps where they are no whole number of epochs."""
    total = measured.total_steps or 0
    epochs = total * measured.epoch / measured.step if measured.step else 0.5
    if epochs == int(epochs):
        return f"{measured.epoch} of {plural(epochs, 'epoch')}"
    return f"{count(measured.step)} of {plural(total, 'step')}"


def summary_of(search: Search) -> list[str]:
    """Return what a search, or one of those that it is made of, has to say once the sweep has ended."""
    if isinstance(search, Halving):
        return [search.summary(), *summary_of(search.inner)]
    return []
