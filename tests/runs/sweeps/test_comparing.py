"""A sweep's folder, compared."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from dlrun.errors import ConfigError, StorageError
from dlrun.runs.sweeps.comparing import compare_sweep
from dlrun.runs.sweeps.ledger import SweepCommand
from dlrun.runs.sweeps.rows import SweepRow, append_row, has_rows


def write(folder: Path, *rows: SweepRow) -> Path:
    for row in rows:
        append_row(folder / "sweep.jsonl", row)
    return folder


def point(number: int, value: float, *words: str, metric: str = "val/accuracy", **further: str) -> SweepRow:
    best = {"metric": metric, "value": value, "epoch": 1, "step": 1}
    return SweepRow(number, list(words), "completed", {metric: value, "test/iou": value}, best, **further)  # type: ignore[arg-type]


def test_a_sweep_is_one_part_with_its_importance_and_its_rows(tmp_path: Path) -> None:
    rows = [point(n, n % 2 + n / 100, f"lr={n % 2}", f"seed={n // 2}") for n in range(8)]
    found = compare_sweep(write(tmp_path, *rows, SweepRow(8, ["lr=1", "seed=9"], "failed")))
    (part,) = found.parts
    assert (len(found.rows), part.higher, part.importance.count) == (9, True, 8)
    assert part.importance.left_out == {"failed": 1}
    assert [row.group.settings for row in part.ranking.rows] == [{"lr": 1}, {"lr": 0}]
    assert has_rows(tmp_path)
    assert not found.is_biased


def test_datasets_are_parts_and_a_failed_point_belongs_to_its_own(tmp_path: Path) -> None:
    rows = []
    for number in range(4):
        name = "iris" if number < 2 else "wine"
        (tmp_path / str(number)).mkdir()
        result = {"status": "completed", "dataset": {"name": name, "fingerprint": name}}
        (tmp_path / str(number) / "result.json").write_text(json.dumps(result))
        rows.append(point(number, 0.5, f"dataset={name}", f"lr={number}", run_dir=f"x/{number}"))
    rows.append(SweepRow(4, ["dataset=wine", "lr=9"], "failed"))
    found = compare_sweep(write(tmp_path, *rows))
    assert [(part.data, part.importance.count, part.importance.left_out.total()) for part in found.parts] == [
        ("iris", 2, 0), ("wine", 2, 1),
    ]  # fmt: skip


def test_another_metric_can_be_named_and_its_direction_is_looked_up_in_a_result(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    result = {"status": "completed", "metric_directions": {"iou": "min"}}
    (tmp_path / "0" / "result.json").write_text(json.dumps(result))
    write(tmp_path, *(point(n, n / 10, f"lr={n}", run_dir=f"x/{n}") for n in range(3)))
    (part,) = compare_sweep(tmp_path, "test/iou").parts
    assert (part.importance.metric, part.higher) == ("test/iou", False)
    (tmp_path / "0" / "result.json").unlink()
    assert compare_sweep(tmp_path, "test/iou").parts[0].higher is None
    with pytest.raises(ConfigError, match=r'No point of this sweep has this metric\. Did you mean "test/iou"\?'):
        compare_sweep(tmp_path, "test/iuo")


def commanded(folder: Path, *words: str) -> Path:
    """A sweep's folder with a ledger in which a command has these words."""
    folder.mkdir()
    command = dataclasses.asdict(SweepCommand(words))
    (folder / "sweep.json").write_text(json.dumps({"format": 1, "commands": [command]}))
    return folder


def test_a_search_that_learns_is_known_from_the_ledger(tmp_path: Path) -> None:
    assert compare_sweep(commanded(tmp_path / "tpe", "search=tpe", "lr=1")).is_biased
    assert not compare_sweep(commanded(tmp_path / "lhs", "search=lhs")).is_biased


def test_several_objectives_have_a_front(tmp_path: Path) -> None:
    folder = commanded(tmp_path / "a", "search.objectives=[accuracy,parameters]")
    sizes = {0: 10, 1: 20, 2: 30}
    rows = [dataclasses.replace(point(n, (0.5, 0.9, 0.6)[n], f"lr={n}"), parameters=size) for n, size in sizes.items()]
    found = compare_sweep(write(folder, *rows))
    assert (found.objectives, found.front) == (["accuracy", "parameters"], {0, 1})
    assert compare_sweep(write(commanded(tmp_path / "b", "lr=1"), *rows)).front == set()


def test_a_sweep_in_which_everything_failed_is_one_part(tmp_path: Path) -> None:
    (part,) = compare_sweep(write(tmp_path, SweepRow(0, ["lr=1"], "failed"))).parts
    assert (part.importance.count, part.importance.effects) == (0, [])


@pytest.mark.parametrize(
    "further",
    [{"overrides": [3]}, {"overrides": "lr=1"}, {"best": {}}, {"metrics": {"a/b": "x"}}, {"seconds": float("nan")},
     {"run_dir": 3}, {"point": "\x1b[2J"}, {"status": None}],
)  # fmt: skip
def test_a_row_that_is_none_is_an_error(tmp_path: Path, further: dict[str, Any]) -> None:
    row = {**dataclasses.asdict(point(0, 0.5, "lr=1")), **further}
    (tmp_path / "sweep.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(StorageError, match=r"sweep\.jsonl: the row of point .* is damaged\.") as caught:
        compare_sweep(tmp_path)
    assert "\x1b" not in str(caught.value)
