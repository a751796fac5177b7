"""Which runs are shared: a completed one, or a sweep over seeds; anything else says what to do instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.seeds import runs_to_share


def write_run(folder: Path, *, seed: int = 0, lr: float = 0.1, status: str = "completed", data: str = "a") -> None:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(f"seed: {seed}\noptimizer: {{name: sgd, lr: {lr}}}\n")
    result = {"status": status, "metrics": {"test/loss": 1.0}, "dataset": {"fingerprint": data}, "seed": seed}
    (folder / "result.json").write_text(json.dumps(result))


def write_sweep(folder: Path, *points: dict[str, Any], overrides: str = "seed={seed}") -> None:
    rows = []
    for number, point in enumerate(points):
        write_run(folder / str(number), **{"seed": number, **point})
        rows.append({
            "point": number, "overrides": overrides.format(seed=number).split(), "status": "completed",
            "metrics": {}, "run_dir": f"/gone/{number}", "best": {"metric": "val/loss", "value": 2.0 - number},
        })  # fmt: skip
    (folder / "sweep.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))


def test_a_run_is_shared_alone_and_a_sweep_by_seed(own_folder: Path) -> None:
    write_run(own_folder / "run")
    assert [run.folder.name for run in runs_to_share(own_folder / "run")] == ["run"]
    write_sweep(own_folder / "sweep", {}, {}, {})  # whose folder was moved from /gone
    assert [run.folder for run in runs_to_share(own_folder / "sweep")] == [own_folder / f"sweep/{n}" for n in range(3)]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            "interrupted",
            "It was interrupted: only a completed run has a result to promise. dlrun resume run continues it.",
        ),
        (
            "unfinished",
            "It is still running, or was killed: only a completed run has a result to promise. dlrun resume",
        ),
        ("diverged", "Its training diverged: only a completed run has a result to promise."),
        ("failed", "It failed: only a completed run has a result to promise."),
    ],
)
def test_a_run_that_did_not_complete_is_refused(status: str, words: str, own_folder: Path) -> None:
    write_run(Path("run"), status=status)
    with pytest.raises(ConfigError) as caught:
        runs_to_share(Path("run"))
    assert words in str(caught.value)


def test_a_folder_without_a_run_is_refused(own_folder: Path) -> None:
    with pytest.raises(ConfigError, match="There is no run in this folder"):
        runs_to_share(own_folder)


def test_a_sweep_of_other_keys_is_refused_with_its_best_point(own_folder: Path) -> None:
    write_sweep(Path("sweep"), {}, {"lr": 0.2}, overrides="optimizer.lr=0.{seed}1 seed=0")
    with pytest.raises(ConfigError) as caught:
        runs_to_share(Path("sweep"))
    assert "This sweep varies optimizer.lr: a recipe is one configuration." in str(caught.value)
    assert "such as the best: dlrun share sweep/1;" in str(caught.value)  # the lower loss


def test_too_few_seeds_are_refused(own_folder: Path) -> None:
    write_sweep(Path("sweep"), {}, {})
    with pytest.raises(
        ConfigError, match=r"This sweep has 2 seeds; an interval needs at least 3, and 5 make a good one"
    ):
        runs_to_share(Path("sweep"))


def test_no_seed_may_be_left_out_of_a_promise(own_folder: Path) -> None:
    write_sweep(Path("sweep"), {}, {"status": "diverged"}, {})
    with pytest.raises(
        ConfigError, match=r"Not every seed is completed: 1 \(diverged\)\. A promise holds for all of them"
    ):
        runs_to_share(Path("sweep"))


@pytest.mark.parametrize(("change", "named"), [({"lr": 0.2}, "optimizer.lr"), ({"data": "b"}, "data")])
def test_runs_that_differ_in_more_than_their_seed_are_refused(
    change: dict[str, Any], named: str, own_folder: Path
) -> None:
    write_sweep(Path("sweep"), {}, change, {})
    with pytest.raises(ConfigError, match=f"The runs of this sweep differ in more than their seed: {named}\\."):
        runs_to_share(Path("sweep"))


def test_a_cross_validation_is_refused(own_folder: Path) -> None:
    write_sweep(Path("sweep"), {}, {}, {}, overrides="dataset.fold={seed}")
    Path("sweep/cross_validation.json").write_text("{}")
    with pytest.raises(ConfigError, match="This is a cross-validation, whose folds differ in their rows"):
        runs_to_share(Path("sweep"))
