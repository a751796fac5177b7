"""Which baselines a dataset has, and their metrics on the run's own splits."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.baselines.bag_of_words import bag_of_words
from dlrun.baselines.baseline import Baseline, BaselineKind, Check
from dlrun.baselines.biases import biases_model
from dlrun.baselines.class_means import nearest_mean
from dlrun.baselines.constant import largest_class, mean
from dlrun.baselines.forecast import last_value
from dlrun.baselines.linear import logistic_model, ridge_model
from dlrun.baselines.next_token import next_token_baselines
from dlrun.baselines.parts import PartsBaseline, of_each_part
from dlrun.data.goals import has_classes, has_numbers, mixes_kinds
from dlrun.data.loading.streaming import StreamedSplit
from dlrun.data.prepare import DataBundle
from dlrun.tasks.goals import goal_of

_MOST_STREAMED = 4_096  # rows that are read from files once more, for the simple model
_MOST_WORK = 20_000_000_000  # held-out rows * features * outputs of the simple model


@dataclass(frozen=True)
class Measured:
    """A baseline's metrics, named `split/metric`, and the seconds that fitting and measuring it took."""

    name: str
    kind: BaselineKind
    metrics: dict[str, float]
    seconds: float

    def state(self) -> dict[str, Any]:
        """Return plain values, for `result.json`."""
        return dataclasses.asdict(self)


def measure_baselines(data: DataBundle, splits: Sequence[str], *, seed: int, check: Check) -> list[Measured]:
    """Return the trivial answer and then, if there is one for this kind of data, a simple model.

    They are fitted on the training rows alone, or on a sample of them drawn from `seed`, and depend on nothing else;
    torch's own random state is neither used nor changed. check: called again and again; it may raise, to stop.
    Raises DataError for a row that cannot be read.
    """
    measured = []
    started = time.perf_counter()
    for baseline in _baselines(data, splits, seed=seed, check=check):
        metrics = {}
        for name in splits:
            found = baseline.metrics(data.split(name), check=check)
            metrics.update({f"{name}/{metric}": value for metric, value in found.items()})
        now = time.perf_counter()
        measured.append(Measured(baseline.name, baseline.kind, metrics, round(now - started, 3)))
        started = now
    return measured


def _baselines(data: DataBundle, splits: Sequence[str], *, seed: int, check: Check) -> Iterator[Baseline]:
    """Yield the baselines of a dataset, each fitted when it is its turn."""
    if goal_of(data.spec).predicts_each_step:
        yield from next_token_baselines(data.spec, data.train, num_tokens=_num_tokens(data), seed=seed, check=check)
        return
    most_rows = _rows_to_read(data, splits)
    if mixes_kinds(data.spec.goal):
        alone = of_each_part(data)
        trivial = [_trivial(each, seed=seed, check=check) for each in alone]
        yield PartsBaseline(data.spec, "mean or largest class", trivial)
        models = [_simple(each, most_rows=most_rows, seed=seed, check=check) for each in alone if most_rows]
        found = [each for each in models if each is not None]
        if len(found) == len(alone):
            yield PartsBaseline(data.spec, "linear models", found)
        return
    yield _trivial(data, seed=seed, check=check)
    simple = _simple(data, most_rows=most_rows, seed=seed, check=check) if most_rows else None
    if simple is not None:
        yield simple


def _trivial(data: DataBundle, *, seed: int, check: Check) -> Baseline:
    spec, train = data.spec, data.train
    if has_classes(spec.goal):
        return largest_class(spec, train)
    if spec.continues and min(spec.continues) >= 0:
        return last_value(spec, train, spec.continues, seed=seed, check=check)
    return mean(spec, train)


def _simple(data: DataBundle, *, most_rows: int, seed: int, check: Check) -> Baseline | None:
    spec, train = data.spec, data.train
    if spec.kind == "tokens":
        if spec.vocabulary_size is None:
            return None
        return bag_of_words(spec, train, num_tokens=_num_tokens(data), most_rows=most_rows, seed=seed, check=check)
    if has_numbers(spec.goal):
        if spec.kind == "dense" and len(spec.categories) == spec.num_features > 1:
            return biases_model(spec, train, most_rows=most_rows, seed=seed, check=check)
        return ridge_model(spec, train, most_rows=most_rows, seed=seed, check=check)
    if spec.kind == "image":
        return nearest_mean(spec, train, most_rows=most_rows, seed=seed, check=check)
    return logistic_model(spec, train, most_rows=most_rows, seed=seed, check=check)


def _rows_to_read(data: DataBundle, splits: Sequence[str]) -> int:
    """Return how many training rows a simple model may read; 0 if measuring it would already take too long."""
    held_out = sum(len(data.split(name)) for name in splits)
    spec = data.spec
    features = spec.num_features + sum(spec.categories)
    if spec.kind in ("dense", "image", "sequence") and held_out * features * spec.num_outputs > _MOST_WORK:
        return 0
    if not isinstance(data.train, StreamedSplit):
        return len(data.train)
    return 0 if held_out > _MOST_STREAMED else _MOST_STREAMED


def _num_tokens(data: DataBundle) -> int:
    return max(data.spec.vocabulary_size or 0, data.spec.num_outputs)
