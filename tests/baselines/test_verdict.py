"""dlrun.baselines.verdict: which numbers are compared, and what is said about them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from dlrun.baselines.verdict import Comparison, compare, notices, summary

NUMBERS = {"rmse": "min", "mae": "min", "r2": "max", "loss": "min"}
CLASSES = {"accuracy": "max", "macro_f1": "max", "loss": "min"}


def result_of(
    directions: dict[str, str], metrics: dict[str, float], *baselines: tuple[str, dict[str, float]], best: str | None
) -> dict[str, Any]:
    return {
        "metrics": metrics,
        "metric_directions": directions,
        "best": None if best is None else {"metric": f"val/{best}"},
        "baselines": [
            {"name": name, "kind": "simple" if number else "trivial", "metrics": values}
            for number, (name, values) in enumerate(baselines)
        ],
    }


MEAN = ("mean", {"test/rmse": 2.0, "test/mae": 1.0, "test/r2": -0.0012, "val/r2": 0.0})
LINE = ("linear model", {"test/rmse": 1.0, "test/mae": 0.5, "test/r2": 0.72, "val/r2": 0.7})


def numbers(value: float, *, rmse: float = 1.5, mae: float = 0.7, best: str | None = "rmse") -> Comparison:
    metrics = {"val/r2": 9.0, "test/rmse": rmse, "test/mae": mae, "test/r2": value}
    found = compare(result_of(NUMBERS, metrics, MEAN, LINE, best=best))
    assert found is not None
    return found


def said(comparison: Comparison, **facts: Any) -> list[str]:
    return notices(comparison, **{"steps": 5000, "num_train": 5000, "target": None, "best_is_last": False, **facts})


def test_one_sentence_names_run_simple_model_and_trivial_answer() -> None:
    assert summary(numbers(0.31)) == "test/r2 0.3100; linear model 0.7200, mean -0.0012"


def test_the_metric_of_the_best_checkpoint_is_compared_and_r2_instead_of_rmse() -> None:
    assert numbers(0.3).metric == "test/r2"
    assert numbers(0.3, best=None).metric == "test/r2"
    assert numbers(0.3, best="mae").metric == "test/mae"
    assert numbers(0.3, best="loss").metric == "test/r2"  # no baseline has a loss
    assert numbers(math.nan).metric == "test/rmse"  # all test targets are equal


@pytest.mark.parametrize(
    ("value", "simple", "told"),
    [
        (0.9, 0.925, "test/r2 0.9000 against 0.9250, 1.3333 times its squared error. "),
        (0.9995, 0.9998, "test/r2 0.9995 against 0.9998, 2.5000 times its squared error. "),
        (0.99, 0.9905, None),  # 1.05 times
        (0.99995, 1.0, None),  # good enough
        (0.5, 0.51, None),
        (0.5, 0.53, "test/r2 0.5000 against 0.5300. "),
    ],
)
def test_close_to_one_the_squared_error_decides(value: float, simple: float, told: str | None) -> None:
    line = ("linear model", {**LINE[1], "test/r2": simple})
    comparison = compare(result_of(NUMBERS, {"test/rmse": 1.0, "test/r2": value}, MEAN, line, best="rmse"))
    assert comparison is not None
    start = f"A simple model (linear model) is better: {told}"
    assert [text.startswith(start) for text in said(comparison)] == ([] if told is None else [True])


def test_the_split_is_test_else_val_else_train() -> None:
    for splits, expected in ((("val", "test"), "test"), (("val",), "val"), (("train",), "train")):
        values = {f"{split}/accuracy": 0.5 for split in splits}
        found = compare(result_of(CLASSES, values, ("largest class", values), best="accuracy"))
        assert found is not None
        assert found.metric == f"{expected}/accuracy"


def test_there_is_nothing_to_compare_without_baselines_or_the_metric() -> None:
    assert compare(result_of(CLASSES, {"test/accuracy": 0.5}, best="accuracy")) is None
    assert compare({"metrics": {"test/accuracy": 0.5}, "metric_directions": CLASSES}) is None  # before 0.1.0
    largest = ("largest class", {"test/accuracy": 0.5})
    assert compare(result_of(CLASSES, {}, largest, best=None)) is None  # interrupted
    assert compare(result_of({"iou": "max"}, {"test/iou": 0.5}, largest, best="iou")) is None  # a plugin's task


def test_a_good_run_is_told_nothing() -> None:
    assert said(numbers(0.9)) == []
    assert said(numbers(0.71)) == []  # 0.01 behind the simple model


def test_a_run_behind_the_simple_model_is_told_in_one_line() -> None:
    start = "A simple model (linear model) is better: test/r2 0.3100 against 0.7200. "
    assert said(numbers(0.31)) == [f"{start}Try another optimizer.lr, more regularisation or another model."]
    assert said(numbers(0.31), best_is_last=True) == [f"{start}Try more trainer.epochs or another optimizer.lr."]
    assert said(numbers(0.31), steps=9) == [f"{start}Try more trainer.epochs or another optimizer.lr."]
    assert said(numbers(0.0, mae=0.51, best="mae")) == []  # within 2 %
    assert len(said(numbers(0.0, mae=0.52, best="mae"))) == 1


def test_a_run_that_does_not_beat_the_trivial_answer_is_told_why() -> None:
    start = "The model is no better than the trivial answer (mean): test/r2 -46.1000 against -0.0012. Likely reasons: "
    end = "A simple model (linear model) reaches 0.7200, so there is something to learn."
    assert said(numbers(-46.1), steps=10, num_train=32, target=(20.1, 6.0)) == [
        f"{start}the targets have mean 20.1000 and deviation 6 (dataset.standardise_target=true); only 10 steps (more "
        "trainer.epochs, a smaller trainer.batch_size); only 32 training rows; an optimizer.lr that does not fit. "
        f"{end}"
    ]
    assert said(numbers(-46.1), target=(0.1, 1.1)) == [f"{start}an optimizer.lr that does not fit. {end}"]
    assert "only 1 step (more" in said(numbers(-46.1), steps=1)[0]


def test_equal_is_no_better() -> None:
    (notice,) = said(numbers(-0.0012))
    assert notice.startswith("The model is no better than the trivial answer (mean): test/r2 -0.0012 against -0.0012.")
    (notice,) = said(numbers(math.nan, rmse=math.nan))
    assert notice.startswith("The model is no better than the trivial answer (mean): test/rmse nan against 2.")


def classes(run: float, largest: float) -> Comparison:
    values = {"test/accuracy": largest}
    found = compare(result_of(CLASSES, {"test/accuracy": run}, ("largest class", values), best="accuracy"))
    assert found is not None
    return found


def test_a_perfect_run_is_good_even_if_the_trivial_answer_is_too() -> None:
    assert said(classes(1.0, 1.0)) == []


def test_a_class_of_most_rows_is_a_reason() -> None:
    (notice,) = said(classes(0.9, 0.9))
    assert "Likely reasons: one class has 90% of the rows (metric=macro_f1 weighs all classes alike); an opt" in notice
    assert "one class" not in said(classes(0.74, 0.74))[0]


def test_if_the_simple_model_is_no_better_the_inputs_may_say_little() -> None:
    values = [{"test/accuracy": value} for value in (0.5, 0.52, 0.53)]
    result = result_of(CLASSES, values[0], ("largest class", values[1]), ("linear model", values[2]), best="accuracy")
    comparison = compare(result)
    assert comparison is not None
    assert said(comparison) == [
        "The model is no better than the trivial answer (largest class): test/accuracy 0.5000 against 0.5200. A simple "
        "model (linear model 0.5300) is no better: the inputs may say little about the target. Likely reasons: an "
        "optimizer.lr that does not fit."
    ]


def test_without_a_simple_model_only_the_trivial_answer_is_compared() -> None:
    values = [{"test/accuracy": value} for value in (0.5, 0.5)]
    comparison = compare(result_of(CLASSES, values[0], ("largest class", values[1]), best="accuracy"))
    assert comparison is not None
    assert summary(comparison) == "test/accuracy 0.5000; largest class 0.5000"
    (notice,) = said(comparison)
    assert notice.endswith("Likely reasons: an optimizer.lr that does not fit.")


@pytest.mark.parametrize("value", [0.3, -46.0])
def test_what_is_said_is_plain_json(value: float) -> None:
    assert json.loads(json.dumps(said(numbers(value)))) == said(numbers(value))


def test_of_several_targets_the_first_metric_that_baselines_have_is_compared() -> None:
    directions = {"loss": "min", "accuracy_a": "max", "rmse_b": "min"}
    metrics = {"test/loss": 1.0, "test/accuracy_a": 0.7, "test/rmse_b": 3.0}
    trivial = ("mean or largest class", {"test/accuracy_a": 0.5, "test/rmse_b": 4.0})
    simple = ("linear models", {"test/accuracy_a": 0.71, "test/rmse_b": 2.0})
    found = compare(result_of(directions, metrics, trivial, simple, best="loss"))
    assert found is not None
    assert found.metric == "test/accuracy_a"
    assert found.beats_trivial
    assert not found.is_behind_simple  # by less than 0.02
