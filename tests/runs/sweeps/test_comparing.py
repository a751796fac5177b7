"""A sweep's folder, compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.sweeps.comparing import compare_sweep, is_sweep
from dlrun.runs.sweeps.rows import SweepRow, append_row


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
    assert (found.num_points, part.higher, part.importance.count) == (9, True, 8)
    assert part.importance.left_out == {"failed": 1}
    assert [row.group.settings for row in part.ranking.rows] == [{"lr": 1}, {"lr": 0}]
    assert is_sweep(tmp_path)
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


@pytest.mark.parametrize(
    ("ledger", "expected"),
    [('{"commands": [{"words": ["search=tpe", "lr=1"]}]}', True), ('{"commands": [{"words": ["search=lhs"]}]}', False),
     ("{", False), ('{"commands": 3}', False)],
)  # fmt: skip
def test_a_search_that_learns_is_known_from_the_ledger(tmp_path: Path, ledger: str, *, expected: bool) -> None:
    write(tmp_path, point(0, 1.0))
    (tmp_path / "sweep.json").write_text(ledger)
    assert compare_sweep(tmp_path).is_biased is expected


def test_a_sweep_in_which_everything_failed_is_one_part(tmp_path: Path) -> None:
    (part,) = compare_sweep(write(tmp_path, SweepRow(0, ["lr=1"], "failed"))).parts
    assert (part.importance.count, part.importance.effects) == (0, [])
