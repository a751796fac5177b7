"""Importance, held against sweeps whose effects are known."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from dlrun.runs.sweeps.groups import Trial
from dlrun.runs.sweeps.importance import Importance, importance_of


def grid(value: Callable[[dict[str, Any]], float], **settings: list[Any]) -> list[Trial]:
    """A trial for each combination, with the metric that `value` gives."""
    points = [dict(zip(settings, each, strict=True)) for each in itertools.product(*settings.values())]
    return [Trial(str(n), point, "completed", {"val/x": value(point)}) for n, point in enumerate(points)]


def analysed(trials: list[Trial], *, higher: bool = True) -> Importance:
    return importance_of(trials, "val/x", higher=higher)


def test_shares_are_those_worked_out_by_hand() -> None:
    """Two settings of two levels, four points: sums of squares 16 (a), 4 (b) and 1 (what is left, with 1 freedom)."""
    values = {(0, 0): 0.5, (0, 1): 1.5, (1, 0): 3.5, (1, 1): 6.5}
    found = analysed(grid(lambda point: values[point["a"], point["b"]], a=[0, 1], b=[0, 1]))
    first, second = found.effects
    assert (first.keys, second.keys) == (("a",), ("b",))
    assert first.share == pytest.approx((16 - 1) / 21)
    assert second.share == pytest.approx((4 - 1) / 21)
    assert [(level.label, level.count) for level in first.levels] == [("1", 2), ("0", 2)]
    assert [level.mean for level in first.levels] == pytest.approx([5, 1])
    assert first.difference == pytest.approx(4)
    assert first.error == pytest.approx(1)  # the residuals' variance is 1; two means of two points each
    assert not first.is_important  # four points prove nothing


def test_known_effects_come_out_in_their_order_and_noise_does_not() -> None:
    source = random.Random(0)
    effect = {0.1: -0.2, 0.01: 0.0, 0.001: -0.05}
    found = analysed(
        grid(
            lambda point: effect[point["lr"]] + 0.08 * (point["model"] == "a") + source.gauss(0, 0.02),
            model=["a", "b"], lr=[0.1, 0.01, 0.001], decay=[0, 0.1], seed=[0, 1, 2, 3],
        )
    )  # fmt: skip
    assert [each.keys[0] for each in found.effects] == ["lr", "model", "decay"]
    assert [each.is_important for each in found.effects] == [True, True, False]
    assert [found.effects[0].levels[place].label for place in (0, -1)] == ["0.01", "0.1"]
    assert found.effects[0].difference == pytest.approx(0.2, abs=0.02)
    assert found.effects[1].difference == pytest.approx(0.08, abs=0.015)
    (seed,) = found.repeats
    assert seed.share == pytest.approx(0, abs=0.05)
    assert found.interactions == []
    lower = analysed([Trial("0", each.settings, each.status, each.metrics) for each in grid(
        lambda point: effect[point["lr"]] + source.gauss(0, 0.01), lr=[0.1, 0.01, 0.001], seed=[0, 1, 2, 3])],
        higher=False)  # fmt: skip
    assert lower.effects[0].levels[0].label == "0.1"


def test_effects_of_ranges_are_found_in_random_points_beside_diverged_ones() -> None:
    source, trials = random.Random(0), []
    for number in range(120):
        exponent = source.uniform(-4, -1)
        point = {"lr": 10**exponent, "dropout": source.random(), "decay": source.random(), "kind": source.choice("abc")}
        value = -abs(exponent + 2.5) + 0.3 * point["dropout"] + source.gauss(0, 0.1)
        status = "diverged" if exponent > -1.2 else "completed"
        trials.append(Trial(str(number), point, status, {"val/x": value}))
    found = analysed(trials)
    assert [each.keys[0] for each in found.effects][:2] == ["lr", "dropout"]
    assert [each.is_important for each in found.effects] == [True, True, False, False]
    assert found.count + found.left_out["diverged"] == 120
    assert found.left_out["diverged"] > 0


def test_noise_is_seldom_called_important() -> None:
    source, wrong, times = random.Random(3), 0, 60
    for _ in range(times):
        trials = [
            Trial("0", {"a": source.random(), "b": source.choice("pqrs"), "c": source.choice([1, 2, 3]),
                        "d": source.random()}, "completed", {"val/x": source.gauss(0, 1)})
            for _ in range(40)
        ]  # fmt: skip
        wrong += any(each.is_important for each in analysed(trials).effects)
    assert wrong <= 7  # 5 % of 60 are 3; more than 7 have a probability of 1 %


def test_seeds_of_few_random_configurations_do_not_make_chance_look_certain() -> None:
    """Each of 16 configurations has a value of its own, which no setting explains; its five seeds repeat it."""
    source, wrong, times = random.Random(1), 0, 40
    for _ in range(times):
        trials = []
        for _ in range(16):
            point = {"a": source.random(), "b": source.choice([1, 2])}
            own = source.gauss(0, 1)
            trials += [
                Trial("0", {**point, "seed": seed}, "completed", {"val/x": own + source.gauss(0, 0.1)})
                for seed in range(5)
            ]
        found = analysed(trials)
        assert (found.count, found.num_means) == (80, 16)
        wrong += any(each.is_important for each in found.effects)
    assert wrong <= 6  # 5 % of 40 are 2; more than 6 have a probability below 1 %


def test_settings_that_act_together_are_named() -> None:
    source = random.Random(0)
    found = analysed(
        grid(
            lambda point: float(point["a"] == point["b"]) + source.gauss(0, 0.1),
            a=[0, 1], b=[0, 1], c=[0, 1], seed=[0, 1, 2, 3],
        )
    )  # fmt: skip
    (together,) = found.interactions
    assert together.keys in (("a", "b"), ("b", "a"))
    assert together.share == pytest.approx(0.96, abs=0.03)
    assert not any(each.is_important for each in found.effects)


def test_unequal_counts_do_not_lend_one_setting_the_effect_of_another() -> None:
    """Most points with a = 1 have b = 1, and only b matters."""
    source = random.Random(0)
    points = [(0, 0)] * 20 + [(0, 1)] * 3 + [(1, 0)] * 3 + [(1, 1)] * 20
    trials = [
        Trial(str(n), {"a": a, "b": b}, "completed", {"val/x": b + source.gauss(0, 0.2)})
        for n, (a, b) in enumerate(points)
    ]
    first, second = analysed(trials).effects
    assert (first.keys, first.is_important) == (("b",), True)
    assert (second.keys, second.is_important) == (("a",), False)
    assert second.difference == pytest.approx(0, abs=0.2)


def test_one_huge_value_is_analysed_by_ranks() -> None:
    source = random.Random(0)
    trials = grid(lambda point: point["a"] + source.gauss(0, 0.1), a=[0, 1], b=[0, 1], seed=[0, 1, 2, 3])
    trials[0] = Trial("0", trials[0].settings, "completed", {"val/x": 1e9})
    found = analysed(trials)
    assert found.uses_ranks
    assert (found.effects[0].keys, found.effects[0].is_important) == (("a",), True)
    assert (found.effects[0].difference, found.effects[0].error) == (pytest.approx(1, abs=0.3), None)


def test_where_nothing_can_be_told_it_says_so() -> None:
    assert analysed(grid(lambda point: 1.0, a=[0, 1, 2, 3])).obstacle == "equal values"
    assert analysed(grid(lambda point: point["a"], a=[0, 1])).obstacle == "too few points"
    assert analysed(grid(lambda point: point["seed"], seed=[0, 1, 2, 3])).obstacle == "no settings"
    (only,) = analysed(grid(lambda point: point["a"] ** 2, a=[0, 1, 2, 3])).effects  # as many values as points
    assert (only.share, only.p, only.is_important) == (None, None, False)
    together = [Trial("0", {"a": n % 2, "b": n % 2}, "completed", {"val/x": float(n)}) for n in range(8)]
    assert [each.p for each in analysed(together).effects] == [None, None]


def test_the_same_sweep_gives_the_same_numbers() -> None:
    source = random.Random(0)
    trials = grid(lambda point: source.gauss(0, 1), a=[0, 1, 2], b=[0, 1, 2], seed=[0, 1])
    assert analysed(trials) == analysed(trials)


def test_it_imports_no_torch() -> None:
    code = "import sys, dlrun.runs.sweeps.comparing; print(sorted({'torch', 'numpy', 'hydra'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
