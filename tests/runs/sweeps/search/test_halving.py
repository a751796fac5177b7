"""dlrun.runs.sweeps.search.halving: exactly the points that do badly are stopped, and seeds share a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dlrun.runs.sweeps.driver import Driver
from dlrun.runs.sweeps.jobs import Measured
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.grid import Grid
from dlrun.runs.sweeps.search.halving import Halving, summary_of
from tests.runs.sweeps.planted import Curve, PlantedEngine
from tests.runs.sweeps.test_driver import plans

Dlrun = Callable[..., tuple[int, str, str]]


def sweep(
    folder: Path, curve: Curve, *words: str, capacity: int = 1, metric: str = "val/accuracy"
) -> tuple[list[SweepRow], Halving]:
    """The rows by number, of points with 9 epochs: they are judged after 1 and after 3."""
    search = Halving(Grid(plans(*words)), folder / "halving.jsonl")
    engine = PlantedEngine(curve, capacity=capacity, metric=metric)
    rows = Driver(search, engine, folder, watch=lambda event: None).run()
    return sorted(rows, key=lambda row: row.point), search


def flat(values: dict[str, str]) -> Sequence[float]:
    return [float(values["optimizer.lr"])] * 9


def test_a_point_below_the_best_third_of_at_least_four_others_is_stopped(tmp_path: Path) -> None:
    rows, search = sweep(tmp_path, flat, "optimizer.lr=0.5,0.2,0.4,0.3,0.35,0.45,0.6,0.1")
    # The first four have too few peers. 0.35: of 0.5, 0.2, 0.4, 0.3 the best ceil(4/3) = 2 are 0.5, 0.4: below 0.4.
    # 0.45: of five, the best 2 are 0.5, 0.4. 0.6 is the best. 0.1: of seven, the best 3 are 0.6, 0.5, 0.45.
    assert [row.status for row in rows] == ["completed"] * 4 + ["pruned", "completed", "completed", "pruned"]
    assert rows[4].error == "val/accuracy 0.3500 after 1 of 9 epochs: below the best third (0.4000) of 4 others there"
    assert rows[7].error == "val/accuracy 0.1000 after 1 of 9 epochs: below the best third (0.4500) of 7 others there"
    assert (rows[4].exit_code, rows[4].seconds) == (0, 1.0)
    assert rows[4].best is not None
    assert rows[4].best["value"] == 0.35
    # Both stopped after 10 of 90 steps, 1 s: 160 of 180 steps and 8 s each are saved.
    assert summary_of(search) == [
        "search.prune=halving stopped 2 points early. About 160 of their 180 steps (89 %) were not trained: 16 s saved."
    ]


def test_a_point_that_falls_behind_is_stopped_at_the_second_rung(tmp_path: Path) -> None:
    def curve(values: dict[str, str]) -> Sequence[float]:
        lr = float(values["optimizer.lr"])
        return [0.9] * 9 if lr == 0.05 else [lr, lr, *[2 * lr] * 7]  # the last one is first, and stays there

    words = "optimizer.lr=0.5,0.51,0.52,0.53,0.05"
    rows, _ = sweep(tmp_path, curve, words)
    assert [row.status for row in rows] == ["completed"] * 4 + ["pruned"]
    assert rows[4].error == "val/accuracy 0.9000 after 3 of 9 epochs: below the best third (1.0400) of 4 others there"


def test_of_a_metric_that_should_be_low_the_high_values_are_stopped(tmp_path: Path) -> None:
    rows, _ = sweep(tmp_path, flat, "optimizer.lr=0.5,0.2,0.4,0.3,0.35,0.3", metric="val/loss")
    assert [row.status for row in rows] == ["completed"] * 4 + ["pruned", "completed"]
    assert rows[4].error == "val/loss 0.3500 after 1 of 9 epochs: above the best third (0.3000) of 4 others there"


def test_what_is_not_a_number_is_the_worst(tmp_path: Path) -> None:
    def curve(values: dict[str, str]) -> Sequence[float]:
        lr = float(values["optimizer.lr"])
        return [float("nan") if lr > 0.5 else lr] * 9

    rows, _ = sweep(tmp_path, curve, "optimizer.lr=0.9,0.8,0.1,0.2,0.1,0.7")
    # The bar for the fifth is the second best of nan, nan, 0.1, 0.2: 0.1. The sixth is no number.
    assert [row.status for row in rows] == ["completed"] * 5 + ["pruned"]


@pytest.mark.parametrize(
    "words", [("optimizer.lr=0.5,0.2,0.4,0.3,0.1", "seed=0,1"), ("seed=0,1", "optimizer.lr=0.5,0.2,0.4,0.3,0.1")]
)
def test_the_first_seed_of_a_trial_decides_for_its_others(tmp_path: Path, words: tuple[str, ...]) -> None:
    def curve(values: dict[str, str]) -> Sequence[float]:
        lr = float(values["optimizer.lr"])
        return [lr if values["seed"] == "0" else 1 - lr] * 9  # the second seed says the opposite

    rows, _ = sweep(tmp_path, curve, *words)
    status = {tuple(sorted(row.overrides)): row.status for row in rows}
    for lr in ("0.5", "0.2", "0.4", "0.3"):
        assert {status[f"optimizer.lr={lr}", f"seed={seed}"] for seed in (0, 1)} == {"completed"}
    assert {status["optimizer.lr=0.1", f"seed={seed}"] for seed in (0, 1)} == {"pruned"}


def test_several_at_once_are_judged_by_those_that_got_there_first(tmp_path: Path) -> None:
    rows, _ = sweep(tmp_path, flat, "optimizer.lr=0.1,0.2,0.3,0.4,0.5,0.6,0.15,0.25", capacity=8)
    # All get there in the same second, in order: 0.15 and 0.25 after six others, whose best 2 are 0.6 and 0.5.
    assert [row.status for row in rows] == ["completed"] * 6 + ["pruned"] * 2


def test_points_on_other_data_are_not_compared(tmp_path: Path) -> None:
    def curve(values: dict[str, str]) -> Sequence[float]:
        return [0.9 if values["dataset"] == "iris" else 0.1] * 9

    rows, search = sweep(tmp_path, curve, "dataset=iris,wine", "optimizer.lr=0.1,0.2,0.3,0.4,0.5")
    assert {row.status for row in rows} == {"completed"}
    assert summary_of(search) == ["search.prune=halving stopped no point."]


def test_a_sweep_that_goes_on_decides_as_one_that_was_never_stopped(tmp_path: Path) -> None:
    rates = ["0.5", "0.2", "0.4", "0.3", "0.35", "0.45", "0.6", "0.1"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected, _ = sweep(whole, flat, f"optimizer.lr={','.join(rates)}")
    first, _ = sweep(parts, flat, f"optimizer.lr={','.join(rates[:5])}")
    rest, search = sweep(parts, flat, f"optimizer.lr={','.join(rates[5:])}")
    assert [row.status for row in [*first, *rest]] == [row.status for row in expected]
    assert [row.error for row in [*first, *rest]] == [row.error for row in expected]
    assert "stopped 2 points early" in search.summary()


def test_the_points_of_another_search_pass_through(tmp_path: Path) -> None:
    told: list[SweepRow] = []

    class Stops(Grid):
        def observe(self, point: int, measured: Measured) -> str | None:
            return "the inner search says so" if point == 1 else None

        def tell(self, row: SweepRow) -> None:
            told.append(row)

    search = Halving(Stops(plans("seed=0,1")), tmp_path / "halving.jsonl")
    assert search.num_points == 2
    engine = PlantedEngine(lambda values: [0.5] * 3)
    rows = Driver(search, engine, tmp_path, watch=lambda event: None).run()
    assert [row.error for row in rows] == [None, "the inner search says so"]
    assert told == rows


def test_steps_are_told_where_epochs_are_not_whole(tmp_path: Path) -> None:
    search = Halving(Grid(plans("optimizer.lr=1,2,3,4,5")), tmp_path / "halving.jsonl")
    best = {"metric": "val/loss", "epoch": 1, "step": 30}
    reasons = []
    for number in range(5):
        search.begin(number, [f"optimizer.lr={number}"])
        measured = Measured(number, 1, 30, 1.0, total_steps=100, best={**best, "value": float(number)})
        reasons.append(search.observe(number, measured))
    what = "val/loss 4 after 30 of 100 steps: above the best third (1) of 4 others there"
    assert reasons == [None] * 4 + [what]


def test_what_cannot_be_compared_is_not_judged(tmp_path: Path) -> None:
    search = Halving(Grid(plans("seed=0,1")), tmp_path / "halving.jsonl")
    search.begin(0, ["seed=0"])
    best = {"metric": "val/own", "value": 1.0, "epoch": 1, "step": 30}  # a metric without a direction
    assert search.observe(0, Measured(0, 1, 30, 1.0, total_steps=100, best=best)) is None
    assert search.observe(0, Measured(0, 1, 30, 1.0, total_steps=None, best=best)) is None
    assert search.observe(0, Measured(0, 1, 30, 1.0, total_steps=100)) is None
    assert not (tmp_path / "halving.jsonl").exists()


def test_a_real_sweep_stops_the_hopeless_point_and_does_not_train_it_again(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("dataset=digits", "model=linear", "trainer.epochs=9", "device.threads=1", "checkpoint.every_epochs=0")
    swept = ("optimizer.lr=0.01,0.02,0.005,0.03,1e-9", "launch.jobs=1", "launch.pack=off", "search.prune=halving")
    command = ("-m", *words, *swept, "hydra.sweep.dir=mine")
    code, out, err = dlrun(*command)
    assert code == 0, err
    assert "below the best third" in err
    assert "\nsearch.prune=halving stopped 1 point early. About " in err
    assert out.splitlines()[5].split()[-1] == "pruned"
    written = (own_folder / "mine" / "sweep.jsonl").read_text()
    stopped = json.loads((own_folder / "mine" / "4" / "result.json").read_text())
    assert (stopped["status"], stopped["epochs"]) == ("interrupted", 1)  # at the evaluation that decided it
    code, again, err = dlrun(*command)
    assert code == 0, err
    assert (again, (own_folder / "mine" / "sweep.jsonl").read_text()) == (out, written)
    assert "5 points done before; best val/accuracy" in err
