"""How long a run will take: counts by hand, sums, budgets, and the estimate against real runs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.lint.finding import Finding
from dlrun.lint.timing import Cost, RunTime, Stopwatch, findings_for_budget, in_notation, measure_cost, run_time
from dlrun.training.build import Components, build_components
from tests.harness import CPU, configure, train

COST = Cost(step=0.5, evaluation=2.0, save=1.0, start=3.0, end=4.0)
SMALL = ("dataset=iris", "model=linear", "trainer.batch_size=32", *CPU)  # 107 training rows: 4 steps an epoch


def built(*words: str) -> Components:
    return build_components(configure(*SMALL, *words), Catalog())


@pytest.mark.parametrize(
    ("words", "steps", "evaluations", "saves"),
    [
        (("trainer.epochs=10",), 40, 10, 10),
        (("trainer.epochs=10", "trainer.eval_every=4"), 40, 3, 3),  # after 4, 8, and at the end
        (("trainer.epochs=10", "trainer.eval_every=0", "checkpoint.every_epochs=0"), 40, 1, 1),
        (("trainer.epochs=10", "trainer.eval_every=0", "checkpoint.every_epochs=2"), 40, 1, 5),
        (("trainer.epochs=10", "trainer.eval_every=5", "checkpoint.every_steps=15"), 40, 2, 4),  # 15, 20, 30, 40
        (("trainer.epochs=1", "trainer.eval_every_steps=3"), 4, 2, 2),  # 3, and the end
        (("trainer.epochs=null", "trainer.max_steps=7", "trainer.eval_every=1"), 7, 2, 2),  # 4, and the end
        (
            (
                "trainer.epochs=10",
                "dataset.val_fraction=0",
                "trainer.early_stop.patience=null",
                "checkpoint.every_epochs=5",
            ),
            40,
            0,
            2,
        ),
    ],
)
def test_steps_evaluations_and_checkpoints_are_counted(
    words: tuple[str, ...], steps: int, evaluations: int, saves: int
) -> None:
    words = ("checkpoint.every_epochs=0", *words) if not any("every_epochs" in word for word in words) else words
    found = run_time(built(*words), COST)
    assert (found.steps, found.evaluations, found.saves) == (steps, evaluations, saves)


def test_a_real_run_takes_so_many_steps_and_evaluations(tmp_path: Path) -> None:
    words = (*SMALL, "trainer.epochs=3", "trainer.eval_every_steps=3")
    found = run_time(build_components(configure(*words), Catalog()), COST)
    collector, result = train(tmp_path / "a", *words)
    assert found.steps == result["steps"] == 12
    assert found.evaluations == len(collector.epochs)


def test_a_run_is_the_sum_of_its_parts_and_max_time_ends_its_training() -> None:
    run = RunTime(COST, steps=40, evaluations=10, saves=5, build=1.0)
    assert run.once == 8.0
    assert run.training == 40 * 0.5 + 10 * 2.0 + 5 * 1.0
    assert run.seconds == 53.0
    assert replace(run, limit=20).seconds == 28.0
    assert replace(run, limit=60).seconds == 53.0
    assert run.describe() == (
        "about 53 s: 40 steps of 500 ms, 10 evaluations of 2.0 s, 5 checkpoints of 1.0 s, 8.0 s to begin and end"
    )
    assert replace(run, cost=replace(COST, step=0.00064)).describe().split(", ")[0] == "about 33 s: 40 steps of 0.64 ms"
    assert replace(run, may_stop_early=True).total() == "at most 53 s"
    assert (
        replace(run, processes=2).describe() == f"{run.describe()}; measured in one process (2 will share each batch)"
    )
    assert run_time(built("device.processes=2", "device.threads=1"), COST).processes == 2


def test_early_stopping_makes_it_an_upper_bound_only_if_it_can_fire() -> None:
    words = ("trainer.epochs=10", "trainer.eval_every=1")
    assert run_time(built(*words, "trainer.early_stop.patience=3"), COST).may_stop_early
    assert not run_time(built(*words, "trainer.early_stop.patience=10"), COST).may_stop_early
    assert not run_time(built(*words, "trainer.early_stop.patience=null"), COST).may_stop_early


def test_a_budget_that_is_kept_gives_no_finding() -> None:
    assert findings_for_budget([RunTime(COST, 40, 10, 5)], 60) == []


def test_a_run_over_its_budget_is_an_error_with_fewer_epochs() -> None:
    run = RunTime(COST, steps=400, evaluations=10, saves=5)  # 7 s once, 225 s of training
    assert findings_for_budget([run], 120, epochs=10) == [
        Finding(
            "over-budget",
            "error",
            "trainer.epochs",
            "The run takes about 3 min 52 s, and the budget is 2 min 00 s.",
            "trainer.epochs=5",  # 10 * 113 / 225
        )
    ]
    without = findings_for_budget([replace(run, may_stop_early=True)], 120)
    assert without[0].message.endswith("The run takes at most 3 min 52 s, and the budget is 2 min 00 s. Early stopping "
                                       "may end it sooner.")  # fmt: skip
    assert without[0].fix == "trainer.max_time=1m53s"
    assert findings_for_budget([run], 60, epochs=2)[0].fix == "trainer.max_time=53s"  # not even one epoch
    assert findings_for_budget([run], 5, epochs=2)[0].fix is None


def test_a_sweep_over_its_budget_shares_it_between_its_runs() -> None:
    (finding,) = findings_for_budget([RunTime(COST, steps=400, evaluations=0, saves=0)] * 10, 1070, epochs=3)
    assert finding.message == "The 10 runs take about 34 min 30 s, and the budget is 17 min 50 s."
    assert finding.fix == "trainer.max_time=1m40s"  # (1,070 - 10 * 7) / 10


@pytest.mark.parametrize(("seconds", "text"), [(53, "53s"), (90, "1m30s"), (7200, "2h"), (360_000, "100h")])
def test_seconds_in_the_notation_of_a_configuration(seconds: int, text: str) -> None:
    assert in_notation(seconds) == text


@pytest.mark.parametrize("words", [(), ("model=mlp", "model.norm=batch"), ("dataset=digits", "model=gan")])
def test_measuring_leaves_the_task_and_random_numbers_unchanged(words: tuple[str, ...]) -> None:
    components = build_components(configure("dataset=iris", "model=linear", *words, *CPU), Catalog())
    state = {name: value.clone() for name, value in components.task.state_dict().items()}
    before = torch.get_rng_state()
    cost = measure_cost(components, Catalog(), box_s=0.05)
    assert min(cost.step, cost.evaluation, cost.save, cost.end) > 0.0
    assert cost.start >= 0.0
    assert torch.equal(torch.get_rng_state(), before)
    assert components.task.training
    assert all(torch.equal(value, state[name]) for name, value in components.task.state_dict().items())


def test_a_run_that_diverges_is_timed_until_it_does() -> None:
    words = ("dataset=line", "model=linear", "optimizer=sgd", "optimizer.lr=1000", "trainer.batch_size=8", *CPU)
    components = build_components(configure(*words), Catalog())
    assert measure_cost(components, Catalog(), box_s=0.2).step > 0.0


def test_points_of_a_sweep_that_cost_the_same_are_measured_once() -> None:
    catalog = Catalog()
    clock = Stopwatch(catalog, box_s=0.02)
    points = [
        ("seed=0", "optimizer.lr=0.1", "trainer.epochs=2"),
        ("seed=1", "optimizer.lr=0.2", "trainer.epochs=6"),
        ("trainer.batch_size=8", "trainer.epochs=2"),
    ]
    found = [clock.measure(built(*words), build_s=0.5) for words in points]
    assert found[0].cost is found[1].cost
    assert found[1].cost is not found[2].cost
    assert [each.steps for each in found] == [8, 24, 2 * 14]
    assert found[0].build == 0.5


def test_a_measurement_keeps_to_its_time_box() -> None:
    components = built()
    measure_cost(components, Catalog(), box_s=0.1)
    started = time.perf_counter()
    measure_cost(components, Catalog(), box_s=0.1)
    assert time.perf_counter() - started < 3.0  # steps, an evaluation, baselines: a box each; two checkpoints


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ("dataset=digits", "model=cnn", "trainer.epochs=10", "trainer.early_stop.patience=null"),
        ("dataset=digits", "model=rnn", "trainer.epochs=10", "trainer.early_stop.patience=null"),
        ("dataset=diabetes", "trainer.epochs=40", "trainer.early_stop.patience=null"),
    ],
    ids=" ".join,
)
def test_the_estimate_is_near_what_a_run_takes(tmp_path: Path, words: tuple[str, ...]) -> None:
    train(tmp_path / "first", *words, *CPU, "trainer.epochs=1")  # so that both have everything imported
    started = time.perf_counter()
    components = build_components(configure(*words, *CPU), Catalog())
    build_s = time.perf_counter() - started
    predicted = Stopwatch(Catalog(), box_s=2.0).measure(components, build_s=build_s)
    started = time.perf_counter()
    train(tmp_path / "second", *words, *CPU)
    taken = time.perf_counter() - started
    assert taken / 1.5 < predicted.seconds < taken * 1.5, (predicted.describe(), taken)
