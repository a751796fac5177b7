"""Cells and sentences of a table whose rows may be several runs."""

from __future__ import annotations

from typing import Any

from dlrun.report.sweeps import ranked_table
from dlrun.runs.sweeps.groups import Group, Trial, group
from dlrun.runs.sweeps.ranking import Ranking, rank


def trials(lr: float, *values: float | None, data: str = "", **further: Any) -> list[Trial]:
    """A trial for each seed; without a value it failed."""
    return [
        Trial(
            str(seed), {"lr": lr, "seed": seed}, "failed" if value is None else "completed",
            {} if value is None else {"val/accuracy": value}, data, None if value is None else "val/accuracy", {},
            seconds=2.0 + seed, **further,
        )
        for seed, value in enumerate(values)
    ]  # fmt: skip


def ranking(*rows: list[Trial]) -> Ranking:
    return rank(group([each for row in rows for each in row]))


GOOD, NEAR, BAD = (0.9, 0.91, 0.92, 0.9, 0.91), (0.89, 0.93, 0.9, 0.91, 0.88), (0.1, 0.12, 0.1, 0.15, 0.1)


def test_settings_are_shown_as_they_are_typed() -> None:
    shown = [ranked_table.setting(value) for value in ("adam", 0.1 + 0.2, 1e-5, [64, 32], None, True, 7)]
    assert shown == ["adam", "0.3", "1e-05", "[64, 32]", "null", "true", "7"]


def test_cells_of_a_group() -> None:
    (found,) = group(trials(0.1, 0.5, 0.7, None))
    assert ranked_table.measured([found] * 3, ["val/accuracy", "test/loss", None]) == ["0.6000 ± 0.1414", "-", "-"]
    assert ranked_table.status(found) == "2 completed, 1 failed"
    assert ranked_table.time(found) == "3.0 s"
    (alone,) = group(trials(0.1, 0.5, reused=True))
    assert ranked_table.measured([alone], ["val/accuracy"]) == ["0.5000"]
    assert ranked_table.status(alone) == "completed (reused)"
    assert ranked_table.time(Group({}, (Trial("0", {}, "failed", {}),))) == "-"


def test_a_column_has_as_many_decimals_in_each_metric() -> None:
    first, second, third = (
        Group({}, (Trial("0", {}, "completed", {"val/rmse": rmse, "val/accuracy": accuracy}),))
        for rmse, accuracy in ((99.1234, 1.0), (103.2871, 0.98333), (7.0, 0.5))
    )
    metrics = ["val/rmse", "val/rmse", "val/accuracy"]
    assert ranked_table.measured([first, second, third], metrics) == ["99.12", "103.29", "0.5000"]
    assert ranked_table.named([first, second, third], [*metrics[:2], None]) == [
        "val/rmse 99.12",
        "val/rmse 103.29",
        "-",
    ]
    assert ranked_table.with_spreads([100.5, 99.25], [0.75, None]) == ["100.5000 ± 0.7500", "99.2500"]


def test_columns_say_how_sure_the_order_is() -> None:
    columns = dict(ranked_table.answer_columns(ranking(trials(1, *GOOD), trials(2, *NEAR), trials(3, *BAD[:4], None))))
    assert columns["seeds"] == ["5", "5", "4 of 5"]
    assert columns["vs best"] == ["best", "unclear", "worse"]
    assert columns["seeds to tell"][0] == columns["seeds to tell"][2] == ""
    assert int(columns["seeds to tell"][1]) > 5
    assert ranked_table.marked(ranking(trials(1, *GOOD), trials(2, *NEAR), trials(3, *BAD))) == [0, 1]


def test_hopeless_differences_are_called_so() -> None:
    columns = dict(ranked_table.answer_columns(ranking(trials(1, *GOOD), trials(2, *GOOD))))
    assert columns["seeds to tell"] == ["", ">1,000"]


def test_the_test_its_level_and_its_correction_are_named() -> None:
    lines = ranked_table.sentences(ranking(trials(1, *GOOD), trials(2, *NEAR), trials(3, *BAD)))
    assert lines[0] == (
        "1 of 2 other rows cannot be told apart from the best by val/accuracy (paired t-test, level 5%, Holm's "
        "correction for 2). ± is the standard deviation over seeds."
    )
    assert lines[1].startswith("seeds to tell: how many of each row would find the difference")
    (only,) = ranked_table.sentences(ranking(trials(1, *GOOD), trials(3, *BAD)))
    assert only.startswith("The other row is worse than the best by val/accuracy (paired t-test, level 5%).")
    assert ranked_table.sentences(ranking(trials(1, *GOOD), trials(2, *NEAR)))[0].startswith(
        "The other row cannot be told apart from the best"
    )
    every, *_ = ranked_table.sentences(ranking(trials(1, *GOOD), trials(2, *BAD), trials(3, *BAD)))
    assert every.startswith("Every other row is worse than the best by")


def test_with_one_seed_each_it_says_what_to_type_and_marks_nothing() -> None:
    found = ranking(trials(1, 0.9), trials(2, 0.1))
    (line,) = ranked_table.sentences(found)
    assert line == (
        "One seed each: how far seeds spread is unknown, so no row is certainly the best. Repeat them with several: "
        "add seed=0,1,2,3,4 (with -m)."
    )
    assert ranked_table.marked(found) == []
    assert ranked_table.answer_columns(found) == []
    assert ranked_table.sentences(ranking(trials(1, 0.9))) == []
    assert ranked_table.sentences(rank(group([*trials(1, 0.9), *trials(2, 0.8)], ()))) == []  # as the user asked


def test_lost_and_lonely_seeds_are_told() -> None:
    lines = ranked_table.sentences(ranking(trials(1, *GOOD), trials(2, *BAD[:4], None), trials(3, 0.1)))
    assert (
        "The mean of 1 row is over fewer runs than were begun, since the others did not complete: see status." in lines
    )
    assert "?: fewer than two completed seeds of this row, or of the best one, so its spread is unknown." in lines


def test_several_datasets_are_named_and_splits_are_not_trusted() -> None:
    rows = [trials(1, *GOOD, data="iris x"), trials(2, *BAD, data="iris x")]
    rows += [trials(3, *GOOD, data="wine y"), trials(4, *BAD, data="wine y")]
    assert [line.partition(":")[0] for line in ranked_table.sentences(ranking(*rows))] == ["iris", "wine"]
    splits = [
        Trial("0", {"lr": lr, "dataset.split_seed": split}, "completed", {"val/accuracy": lr + split / 9}, "",
              "val/accuracy", {})
        for lr in (1, 2) for split in (0, 1, 2)
    ]  # fmt: skip
    found = rank(group(splits, ("dataset.split_seed", "seed")))
    lines = ranked_table.sentences(found)
    assert "over dataset.split_seed." in lines[0]
    assert lines[-1].startswith("Splits of the same rows share most of them")
    assert [heading for heading, _ in ranked_table.answer_columns(found)] == ["runs", "vs best"]


def test_folds_are_repetitions_too() -> None:
    folds = [
        Trial("0", {"lr": lr, "dataset.fold": fold}, "completed", {"val/accuracy": lr + fold / 9 + lr * fold / 50}, "",
              "val/accuracy", {})
        for lr in (1, 2) for fold in (0, 1, 2)
    ]  # fmt: skip
    found = rank(group(folds))
    assert len(found.rows) == 2
    assert "over dataset.fold." in ranked_table.sentences(found)[0]
    assert ranked_table.answer_columns(found)[0] == ("runs", ["3", "3"])
