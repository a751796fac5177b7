"""What `dlrun runs` shows of rows: folders, columns, CSV and JSON."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.report.runs_table import as_cells, as_json, folders_of, print_runs
from dlrun.runs.sweeps.groups import Group, Trial, group
from dlrun.runs.sweeps.ranking import Ranking, rank


def named(*names: str) -> Group:
    return Group({}, tuple(Trial(name, {}, "completed", {}) for name in names))


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["outputs/a"], "outputs/a"),
        (["s/0", "s/1", "s/2"], "s/{0..2}"),
        (["s/9", "s/10", "s/11"], "s/{9..11}"),
        (["s/0", "s/2"], "s/{0,2}"),
        (["s/x", "s/y"], "s/{x,y}"),
        (["a/0", "b/0", "c/0"], "a/0 and 2 more"),
    ],
)
def test_folders_are_shown_as_a_shell_expands_them(names: list[str], shown: str) -> None:
    assert folders_of(named(*names)) == shown


def runs(lr: float, *values: float, **settings: Any) -> list[Trial]:
    return [
        Trial(
            f"s/{lr:g}/{seed}", {"model": "mlp", "optimizer.lr": lr, **settings, "seed": seed}, "completed",
            {"val/accuracy": value, "test/accuracy": value - 0.1}, "iris", "val/accuracy", {}, seconds=1.5,
        )
        for seed, value in enumerate(values)
    ]  # fmt: skip


def ranking() -> Ranking:
    return rank(group([*runs(0.5, 0.6, 0.61, 0.62), *runs(0.25, 0.9, 0.92, 0.91)]))


def test_the_table_has_what_differs_and_what_is_sure(capsys: pytest.CaptureFixture[str]) -> None:
    print_runs(ranking(), None)
    heads, first, second, _, told = capsys.readouterr().out.splitlines()
    assert heads.split() == ["run", "optimizer.lr", "best", "test", "seeds", "vs", "best", "time", "status"]
    assert first.split() == [
        "s/0.25/{0..2}", "0.25", "val/accuracy", "0.9100", "±", "0.0100", "0.8100", "±", "0.0100", "3", "best", "1.5",
        "s", "completed",
    ]  # fmt: skip
    assert "worse" in second
    assert told.startswith("The other row is worse than the best by val/accuracy")


def test_too_many_settings_are_named_below(capsys: pytest.CaptureFixture[str]) -> None:
    further = {f"trainer.field_{number}": number for number in range(9)}
    print_runs(rank(group([*runs(0.5, 0.1), *runs(0.5, 0.2, **further)])), None)
    out = capsys.readouterr().out.splitlines()
    assert "trainer.field_7" in out[0]
    assert "trainer.field_8" not in out[0]
    assert out[-1] == "Further settings differ, which --csv shows: trainer.field_8."


def test_csv_of_groups_has_means_spreads_counts_and_verdicts() -> None:
    heads, rows = as_cells(ranking(), grouped=True)
    assert heads == [
        "run", "optimizer.lr", "val/accuracy mean", "val/accuracy std", "test/accuracy mean", "test/accuracy std",
        "count", "begun", "vs best", "p", "seeds to tell", "seconds", "status",
    ]  # fmt: skip
    first, second = rows
    assert first[:4] == ["s/0.25/{0..2}", 0.25, pytest.approx(0.91), pytest.approx(0.01)]
    assert first[6:] == [3, 3, "best", None, None, 1.5, "completed"]
    assert second[8] == "worse"
    assert second[9] <= 0.05


def test_csv_of_runs_has_each_run_with_its_values() -> None:
    heads, rows = as_cells(rank(group(runs(0.5, 0.6, 0.7), ())), grouped=False)
    assert heads == ["run", "seed", "val/accuracy", "test/accuracy", "seconds", "status"]
    assert rows[0] == ["s/0.5/1", 1, 0.7, pytest.approx(0.6), 1.5, "completed"]


def test_json_of_groups_has_the_test_and_its_result() -> None:
    first, second = as_json(ranking())
    assert first["runs"] == ["s/0.25/0", "s/0.25/1", "s/0.25/2"]
    assert first["settings"] == {"optimizer.lr": 0.25}
    assert first["metrics"]["val/accuracy"] == {"mean": pytest.approx(0.91), "std": pytest.approx(0.01), "count": 3}
    assert (first["begun"], first["statuses"], first["vs_best"]) == (3, {"completed": 3}, {"verdict": "best"})
    found = second["vs_best"]
    assert (found["verdict"], found["test"], found["seeds_to_tell"]) == ("worse", "paired t-test", None)
    assert found["difference"] == pytest.approx(0.3)
    assert as_json(rank(group(runs(0.5, 0.6))))[0]["vs_best"] is None
    assert set(as_json(ranking(), every_setting=True)[0]["settings"]) == {"model", "optimizer.lr"}
