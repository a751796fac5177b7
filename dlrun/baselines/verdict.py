"""What the baselines say about a run: one metric of each side by side, and a notice where the run is no better.

It works on the content of `result.json` and imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.tasks.metric_names import is_higher_better
from dlrun.wording import number, numbers, plural

_MARGIN = 0.02  # of a share or R²; for other metrics, of the simple model's value
_ERROR_MARGIN = 0.1  # of the simple model's squared error, which decides where R² is close to 1
_EXACT = 1e-4  # an R² closer to 1 is good enough
_SHARES = ("accuracy", "macro_f1", "auroc", "r2")
_FEW_STEPS, _FEW_ROWS = 300, 200
_MOST_OF_ROWS = 0.75  # share of the largest class from which accuracy says little
_ODD_MEAN, _ODD_STD = 3.0, (0.2, 5.0)  # of targets that are not standardised


@dataclass(frozen=True)
class Comparison:
    """The run and its baselines by one metric.

    metric: as "test/r2". baselines: pairs of name and value, the trivial answer first.
    """

    metric: str
    value: float
    higher_is_better: bool
    baselines: Sequence[tuple[str, float]]
    has_simple: bool  # whether the last one is a simple model

    @property
    def beats_trivial(self) -> bool:
        """Whether the run is better than the trivial answer, or perfect; equal is not better."""
        is_perfect = self._is_share and self.value == 1.0
        return is_perfect or self._is_better(self.value, self.baselines[0][1])

    @property
    def is_behind_simple(self) -> bool:
        """Whether the simple model is better than the run by more than a small margin."""
        is_clear = self._is_better(self.baselines[-1][1], self.value, by=self._margin)
        return self.has_simple and (is_clear or self.error_ratio > 1 + _ERROR_MARGIN)

    @property
    def error_ratio(self) -> float:
        """How many times the simple model's squared error the run has, where both R² are close to 1; else 1."""
        error, simple = 1 - self.value, 1 - self.baselines[-1][1]
        is_r2 = self.metric.rsplit("/", 1)[-1].startswith("r2")
        return error / max(simple, _EXACT) if is_r2 and _EXACT < error < _MARGIN / _ERROR_MARGIN + _MARGIN else 1.0

    @property
    def simple_beats_trivial(self) -> bool:
        """Whether the simple model is better than the trivial answer by more than a small margin."""
        return self.has_simple and self._is_better(self.baselines[-1][1], self.baselines[0][1], by=self._margin)

    @property
    def _is_share(self) -> bool:
        name = self.metric.rsplit("/", 1)[-1]
        return any(name == share or name.startswith(f"{share}_") for share in _SHARES)  # "accuracy_a" of a target a

    @property
    def _margin(self) -> float:
        return _MARGIN if self._is_share else _MARGIN * abs(self.baselines[-1][1])

    def _is_better(self, value: float, other: float, *, by: float = 0.0) -> bool:
        if math.isnan(value) or math.isnan(other):
            return math.isnan(other) and not math.isnan(value)
        return value > other + by if self.higher_is_better else value < other - by


def compare(result: Mapping[str, Any]) -> Comparison | None:
    """Return the comparison of a result, or None if it has no baselines.

    The split is test, else val, else train. The metric is the one that selects the best checkpoint, but R² instead of
    RMSE, since its trivial answer is 0; the task's first metric if no baseline has it (a loss).
    """
    baselines, metrics = result.get("baselines") or [], result["metrics"]
    if not baselines or not metrics:
        return None
    split = compared_split(metrics)
    name = _metric(result, split)
    key, higher = f"{split}/{name}", is_higher_better(name, result)
    if higher is None or not all(key in each for each in (metrics, *(entry["metrics"] for entry in baselines))):
        return None
    values = [(str(entry["name"]), float(entry["metrics"][key])) for entry in baselines]
    return Comparison(key, float(metrics[key]), higher, values, baselines[-1]["kind"] == "simple")


def compared_split(metrics: Mapping[str, float]) -> str:
    """Return the split whose metrics are compared: test if there is one, else val, else train."""
    splits = {name.split("/", 1)[0] for name in metrics}
    return next(split for split in ("test", "val", "train") if split in splits)


def _metric(result: Mapping[str, Any], split: str) -> str:
    measured = result["baselines"][0]["metrics"]
    names = list(result["metric_directions"])
    first = next((name for name in names if f"{split}/{name}" in measured), names[0])
    best = result.get("best")
    name = str(best["metric"]).rsplit("/", 1)[-1] if best else first
    if f"{split}/{name}" not in measured:
        name = first
    r2 = result["metrics"].get(f"{split}/r2")
    return "r2" if name == "rmse" and r2 is not None and not math.isnan(r2) else name


def summary(comparison: Comparison) -> str:
    """Return the values as one sentence: "test/r2 0.3100; linear model 0.7200, mean -0.0012"."""
    names = [name for name, _ in comparison.baselines]
    own, *texts = numbers([comparison.value, *(value for _, value in comparison.baselines)])
    others = ", ".join(f"{name} {text}" for name, text in reversed(list(zip(names, texts, strict=True))))
    return f"{comparison.metric} {own}; {others}"


def notices(
    comparison: Comparison, *, steps: int, num_train: int, target: tuple[float, float] | None, best_is_last: bool
) -> list[str]:
    """Return a notice if the run is no better than the trivial answer, or else if it is behind the simple model.

    steps: of the whole run. target: mean and deviation of the targets that a regression was trained on, as the model
    saw them. best_is_last: whether the last evaluation was the best.
    """
    trivial, value = comparison.baselines[0]
    simple, simple_value = comparison.baselines[-1]
    own, of_trivial, of_simple = numbers([comparison.value, value, simple_value])
    measured = f"{comparison.metric} {own}"
    if not comparison.beats_trivial:
        text = f"The model is no better than the trivial answer ({trivial}): {measured} against {of_trivial}."
        return [f"{text} {_reasons(comparison, steps=steps, num_train=num_train, target=target)}"]
    if comparison.is_behind_simple:
        ratio = comparison.error_ratio
        error = f", {number(ratio)} times its squared error" if ratio > 1 + _ERROR_MARGIN else ""
        text = f"A simple model ({simple}) is better: {measured} against {of_simple}{error}."
        if best_is_last or steps < _FEW_STEPS:
            return [f"{text} Try more trainer.epochs or another optimizer.lr."]
        return [f"{text} Try another optimizer.lr, more regularisation or another model."]
    return []


def _reasons(comparison: Comparison, *, steps: int, num_train: int, target: tuple[float, float] | None) -> str:
    likely = []
    if target is not None and _is_odd(*target):
        scale = f"the targets have mean {number(target[0])} and deviation {number(target[1])}"
        likely.append(f"{scale} (dataset.standardise_target=true)")
    if steps < _FEW_STEPS:
        likely.append(f"only {plural(steps, 'step')} (more trainer.epochs, a smaller trainer.batch_size)")
    if num_train < _FEW_ROWS:
        likely.append(f"only {plural(num_train, 'training row')}")
    largest = comparison.baselines[0][1]
    if comparison.metric.endswith("/accuracy") and largest >= _MOST_OF_ROWS:
        likely.append(f"one class has {largest:.0%} of the rows (metric=macro_f1 weighs all classes alike)")
    likely.append("an optimizer.lr that does not fit")
    text = f"Likely reasons: {'; '.join(likely)}."
    if not comparison.has_simple:
        return text
    simple, value = comparison.baselines[-1]
    if comparison.simple_beats_trivial:
        return f"{text} A simple model ({simple}) reaches {number(value)}, so there is something to learn."
    return f"A simple model ({simple} {number(value)}) is no better: the inputs may say little about the target. {text}"


def _is_odd(mean: float, deviation: float) -> bool:
    low, high = _ODD_STD
    return abs(mean) > _ODD_MEAN * max(deviation, 1e-12) or not low <= deviation <= high
