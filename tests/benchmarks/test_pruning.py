"""benchmarks.pruning: it compares a whole sweep with a pruned one, and replays its curves in other orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pruning import Curve, Outcome, main, replay, summary


def curve(value: float) -> Curve:
    """A point of ten epochs of ten steps that has the same value from its first evaluation on."""
    best = {"metric": "val/accuracy", "value": value, "epoch": 1, "step": 10, "higher_is_better": True}
    return Curve([f"optimizer.lr={value}"], [(10 * epoch, best) for epoch in range(1, 11)])


def test_a_replay_stops_the_points_that_a_sweep_stops(tmp_path: Path) -> None:
    curves = [curve(value) for value in (0.5, 0.2, 0.4, 0.3, 0.35, 0.6)]
    # 0.35 is below the second best of four, 0.4, after 1/9 of 100 steps: at its second evaluation, after 20.
    assert replay(curves, tmp_path) == Outcome(0.6, stopped=1, steps=520)
    assert replay(curves[::-1], tmp_path) == Outcome(0.6, stopped=1, steps=520)  # 0.2, after 0.6, 0.35, 0.3 and 0.4


def test_the_summary_has_the_mean_the_worst_tenth_and_how_often_the_best_was_lost() -> None:
    replays = [Outcome(0.9, 1, steps) for steps in (900, 800, 700, 600)] + [Outcome(0.8, 1, 500)]
    assert summary(Outcome(0.9, 0, 1000), replays) == (
        "5 random orders: 30 % of the steps saved in the mean, 10 % or more in 9 of 10; the best value kept in 80.0 %"
    )


def test_a_small_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dataset=iris", "model=linear", "device.threads=1", "trainer.epochs=3", "optimizer.lr=1e-3,1e-9"]
    main(["--orders", "2", "--set", *words])
    whole, pruned, orders = capsys.readouterr().out.splitlines()
    assert whole.startswith("whole: 2 points, ")
    assert pruned.startswith("pruned: 0 points stopped, 0 % of the steps")
    assert orders.startswith("2 random orders: 0 % of the steps saved")
