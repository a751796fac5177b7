"""dlrun.runs.sweeps.engines.cluster.losses: a point without progress is given up, one with progress is not."""

from __future__ import annotations

from pathlib import Path

from dlrun.runs.sweeps.engines.cluster.losses import Losses
from dlrun.runs.sweeps.jobs import Point
from tests.runs.sweeps.engines.cluster.sweeps import plans


def point(folder: Path) -> Point:
    return Point(0, plans("seed=0,1")[0], folder)


def save(folder: Path, name: str) -> None:
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / "checkpoints/last").write_text(f"{name}\n")


def test_the_fourth_loss_without_a_checkpoint_gives_a_point_up(tmp_path: Path) -> None:
    losses, lost = Losses(), point(tmp_path)
    assert [losses.count(lost, "killed") for _ in range(3)] == [None] * 3
    assert losses.count(lost, "killed") == "Its job ended early 4 times without progress. The last time: killed"


def test_a_newer_checkpoint_starts_the_count_again(tmp_path: Path) -> None:
    losses, lost = Losses(), point(tmp_path)
    for step in (4, 8, 12, 16, 20):
        save(tmp_path, f"step-{step}")
        assert losses.count(lost, "its time was up") is None
    assert [losses.count(lost, "killed") for _ in range(2)] == [None] * 2
    told = losses.count(lost, "killed")
    assert told == (
        "Its job ended early 4 times without progress; step-20 is its newest checkpoint. The last time: killed"
    )
