"""The final table of a sweep."""

from __future__ import annotations

import pytest

from dlrun.report.sweeps import final_table
from dlrun.report.sweeps.final_table import fitting, points_of, print_sweep
from dlrun.runs.sweeps.groups import Group, Trial
from dlrun.runs.sweeps.rows import SweepRow


def row(point: int, value: float | None, *words: str, metric: str = "val/accuracy", device: str = "cpu") -> SweepRow:
    if value is None:
        return SweepRow(point, list(words), "diverged", error="no", exit_code=4)
    best = {"metric": metric, "value": value, "epoch": 1, "step": 1}
    return SweepRow(point, list(words), "completed", {"test/loss": 1 - value}, best, seconds=1.0, device=device)


def printed(capsys: pytest.CaptureFixture[str], *rows: SweepRow) -> list[str]:
    print_sweep(rows)
    return capsys.readouterr().out.splitlines()


def test_seeds_are_one_row_with_mean_spread_and_count(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(n, 0.9 + n / 100, "lr=0.1", f"seed={n}") for n in range(3)]
    rows += [row(n + 3, 0.1 + n / 50, "lr=0.2", f"seed={n}") for n in range(2)] + [row(5, None, "lr=0.2", "seed=2")]
    lines = printed(capsys, *rows)
    assert lines[0].split() == [
        "points", "lr", "val/accuracy", "test/loss", "seeds", "vs", "best", "time", "status",
    ]  # fmt: skip
    assert lines[1].split() == [
        "0-2", "0.1", "0.9100", "±", "0.0100", "0.0900", "±", "0.0100", "3", "best", "1.0", "s", "completed",
    ]  # fmt: skip
    assert lines[2].split()[:4] == ["3-5", "0.2", "0.1100", "±"]
    assert "2 of 3" in lines[2]
    assert lines[2].endswith("2 completed, 1 diverged")
    assert "paired t-test" in lines[4]


def test_without_seeds_it_is_a_row_for_each_point_and_names_no_winner(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, row(0, 0.5, "lr=0.1"), row(1, 0.9, "lr=0.2"), row(2, None, "lr=9"))
    assert [line.split()[0] for line in lines[:4]] == ["point", "1", "0", "2"]
    assert lines[5].startswith("One seed each: how far seeds spread is unknown")
    assert lines[5].endswith("add seed=0,1,2,3,4 (with -m).")
    assert printed(capsys, row(0, 0.5))[1].split()[0] == "0"


def test_the_lowest_loss_is_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(0, 0.5, "lr=1", metric="val/loss"), row(1, 0.2, "lr=2", metric="val/loss")]
    assert [line.split()[0] for line in printed(capsys, *rows)[1:3]] == ["1", "0"]


def test_several_metrics_share_a_column_and_several_devices_have_one(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(0, 0.5, "recipe=a"), row(1, 2.5, "recipe=b", metric="val/rmse", device="cuda:1")]
    lines = printed(capsys, *rows)
    assert "best" in lines[0]
    assert "val/accuracy 0.5000" in lines[1]
    assert "val/rmse 2.5000" in lines[2]
    assert lines[2].endswith("cuda:1  completed")


def test_a_long_table_is_cut_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(n, n / 300, f"lr={n}") for n in range(300)]
    assert len([line for line in printed(capsys, *rows) if line.endswith("completed")]) == 300
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown: list[int] = []
    monkeypatch.setattr(final_table, "print_table", lambda heads, table, **further: shown.append(len(table)))
    out = printed(capsys, *rows)
    assert shown == [100]
    assert out[1].startswith("200 more rows: a pipe gets them all")


def test_names_from_users_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(0, 0.5, "dataset.target=\x1b[2J"), row(1, 0.4, "dataset.target=b", metric="val/\x1b[31m")]
    assert "\x1b" not in "\n".join(printed(capsys, *rows))


@pytest.mark.parametrize(
    ("numbers", "shown"), [([3], "3"), ([0, 1, 2], "0-2"), ([4, 0, 1], "0-1, 4"), ([1, 3], "1, 3")]
)
def test_numbers_of_points_are_shown_as_spans(numbers: list[int], shown: str) -> None:
    assert points_of(Group({}, tuple(Trial(str(number), {}, "completed", {}) for number in numbers))) == shown


def test_a_narrow_terminal_gets_what_decides() -> None:
    columns = [
        ("point", True, ["0"]), ("lr", False, ["0.1"]), ("val/accuracy", True, ["0.9000 ± 0.1000"]),
        ("test/loss", True, ["0.1000 ± 0.1000"]), ("test/accuracy", True, ["0.9000 ± 0.1000"]),
        ("time", True, ["1.0 s"]), ("status", False, ["completed"]),
    ]  # fmt: skip

    def shown(width: int | None) -> list[str]:
        return [heading for heading, _, _ in fitting(columns, width=width)]

    every = [heading for heading, _, _ in columns]  # 5 + 3 + 15 + 15 + 15 + 5 + 9 letters, and 2 between
    assert shown(None) == shown(79) == every
    assert shown(78) == ["point", "lr", "val/accuracy", "test/loss", "time", "status"]
    assert shown(60) == ["point", "lr", "val/accuracy", "test/loss", "time"]
    assert shown(10) == ["point", "lr", "val/accuracy"]
    failed = [*columns[:-1], ("status", False, ["failed"])]
    assert "status" in [heading for heading, _, _ in fitting(failed, width=10)]
