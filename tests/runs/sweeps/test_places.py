"""dlrun.runs.sweeps.places: the places of a sweep without a ledger."""

from __future__ import annotations

from pathlib import Path

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.places import NewPlaces
from dlrun.runs.sweeps.rows import SweepRow, read_rows


def test_points_are_numbered_in_the_order_of_asking(tmp_path: Path) -> None:
    catalog = Catalog()
    places = NewPlaces(tmp_path)
    assert places.known() == ()
    placed = [places.place(plan) for plan in plan_runs(parse_overrides(["seed=5,3"], catalog, multirun=True), catalog)]
    assert [(each.point.number, each.point.folder, each.point.overrides, each.row) for each in placed] == [
        (0, tmp_path / "0", ["seed=5"], None),
        (1, tmp_path / "1", ["seed=3"], None),
    ]
    row = SweepRow(1, ["seed=3"], "completed")
    assert places.add(row) == row
    assert read_rows(places.folder / "sweep.jsonl") == [row]
