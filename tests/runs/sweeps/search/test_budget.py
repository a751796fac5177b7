"""dlrun.runs.sweeps.search.budget: a sweep begins no point after its time and asks those that run to stop."""

from __future__ import annotations

from pathlib import Path

from dlrun.runs.sweeps.driver import Driver
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.budget import Budget
from dlrun.runs.sweeps.search.grid import Grid
from tests.runs.sweeps.planted import PlantedEngine
from tests.runs.sweeps.test_driver import plans


def test_time_left_and_used() -> None:
    now = [100.0]
    budget = Budget("2m", clock=lambda: now[0])
    assert (budget.left_s(), budget.is_spent()) == (120.0, False)
    now[0] = 190.0
    assert (budget.left_s(), budget.is_spent()) == (30.0, False)
    assert budget.summary(Path("mine"), num_left=0) == ["search.budget=2m: 1 min 30 s used."]
    assert budget.summary(Path("mine"), num_left=1) == [
        "search.budget=2m: 1 min 30 s used; 1 point left: dlrun resume mine goes on, with the whole time again."
    ]
    assert budget.summary(Path("mine"), num_left=None) == [
        "search.budget=2m: 1 min 30 s used; dlrun resume mine goes on, with the whole time again."
    ]
    now[0] = 230.0
    assert (budget.left_s(), budget.is_spent()) == (0.0, True)
    assert budget.reason == "search.budget=2m is spent"


def test_without_a_budget_time_is_never_over() -> None:
    budget = Budget(None)
    assert (budget.left_s(), budget.is_spent(), budget.summary(Path(), num_left=3)) == (None, False, [])


def sweep(folder: Path, *, budget: str, capacity: int) -> tuple[list[SweepRow], PlantedEngine]:
    """The rows of six points of four epochs, a second each."""
    engine = PlantedEngine(lambda values: [0.5] * 4, capacity=capacity)
    spends = Budget(budget, clock=lambda: engine.now_s)
    driver = Driver(Grid(plans("seed=0,1,2,3,4,5")), engine, folder, watch=lambda event: None, budget=spends)
    return driver.run(), engine


def test_points_that_run_are_stopped_and_no_others_begin(tmp_path: Path) -> None:
    rows, engine = sweep(tmp_path, budget="6s", capacity=2)
    # 0 and 1 end after 4 s; 2 and 3 have two of four epochs after 6 s, and are asked to stop; 4 and 5 never begin.
    assert [(row.point, row.status, row.error, row.exit_code) for row in rows] == [
        (0, "completed", None, 0),
        (1, "completed", None, 0),
        (2, "interrupted", "search.budget=6s is spent", 0),
        (3, "interrupted", "search.budget=6s is spent", 0),
    ]
    assert rows[2].best is not None
    assert rows[2].seconds == 2.0
    # The engine never waits beyond the end of the budget, and after it waits for the points to be saved.
    assert engine.waits == [6.0, 5.0, 4.0, 3.0, 2.0, 1.0, None]


def test_a_sweep_that_ends_in_time_is_as_without_a_budget(tmp_path: Path) -> None:
    rows, _ = sweep(tmp_path, budget="1h", capacity=6)
    assert [row.status for row in rows] == ["completed"] * 6
