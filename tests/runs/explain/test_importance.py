"""Permutation importance, on data whose answer is known. It needs no extra."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dlrun.cli.saved_run import compose_run
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, DataError
from dlrun.runs.explain import importance
from dlrun.runs.explain.attribution import Importance
from dlrun.runs.explain.importance import permutation_importance

Train = Callable[..., Path]
WORDS = (
    "dataset=table", "dataset.path=known.csv", "dataset.target=y", "dataset.task=regression", "model=linear",
    "trainer.epochs=25", "optimizer.lr=0.05",
)  # fmt: skip


def write_known(seed: int = 0) -> None:
    """300 rows of y = 3 strong - weak + 4 if the colour is red; "nothing" has no part in it."""
    draw = random.Random(seed)
    lines = ["nothing,strong,colour,weak,y"]
    for _ in range(300):
        nothing, strong, weak = (draw.gauss(0, 1) for _ in range(3))
        colour = draw.choice(["red", "green", "blue"])
        target = 3 * strong - weak + 4 * (colour == "red")
        lines.append(f"{nothing:.4f},{strong:.4f},{colour},{weak:.4f},{target:.4f}")
    Path("known.csv").write_text("\n".join(lines) + "\n")


def measure(run: Path, *words: str, split: str = "test") -> Importance:
    config = compose_run(run, words, Catalog()).config
    return permutation_importance(config, Catalog(), run, split=split)


def test_the_ranking_is_that_of_the_weights(short_run: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    write_known()
    run = short_run("run", *WORDS)
    found = measure(run)
    assert [column.name for column in found.columns] == ["strong", "colour", "weak", "nothing"]
    strong, colour, weak, nothing = found.columns
    # of a shuffled column with weight w the errors have the deviation w * sqrt(2)
    assert strong.mean == pytest.approx(3 * 2**0.5, rel=0.25)
    assert colour.mean == pytest.approx(4 * (2 * 1 / 3 * 2 / 3) ** 0.5, rel=0.25)
    assert weak.mean == pytest.approx(2**0.5, rel=0.25)
    assert abs(nothing.mean) < 0.1
    assert strong.deviation > 0
    assert strong.mean == pytest.approx(sum(strong.each) / 5)
    assert (found.metric, found.higher_is_better, found.split) == ("rmse", False, "test")
    assert found.num_rows == found.of_rows == 60
    stored = json.loads((run / "result.json").read_text())["metrics"]["test/rmse"]
    assert found.value == pytest.approx(stored)
    again = measure(run)
    assert again == found
    monkeypatch.setattr(importance, "_MOST_ROWS", 20)
    monkeypatch.setattr(importance, "_FEWEST_ROWS", 10)
    fewer = measure(run)
    assert (fewer.num_rows, fewer.of_rows) == (20, 60)
    write_known(seed=1)
    with pytest.raises(DataError, match=r"is not what this run was trained on \(its fingerprint differs\)"):
        measure(run)


def test_the_runs_own_metric_and_its_direction(short_run: Train) -> None:
    run = short_run("run", "trainer.epochs=20", "optimizer.lr=0.05", "metric=loss")
    found = measure(run, "metric=accuracy", split="train")
    assert (found.metric, found.higher_is_better, found.num_rows) == ("accuracy", True, 108)
    assert {column.name for column in found.columns[:2]} == {"petal_length_cm", "petal_width_cm"}
    assert found.columns[0].mean > 0.1
    assert measure(run).metric == "loss"


def test_what_has_no_columns_or_no_such_split_is_refused(short_run: Train) -> None:
    run = short_run("run", "dataset=digits", "trainer.epochs=1")
    with pytest.raises(ConfigError, match=r"Columns are shuffled, and this run has 8x8 grey images, 10 classes\."):
        measure(run)
    run = short_run("none", "dataset.test_fraction=0", "trainer.epochs=1")
    with pytest.raises(ConfigError, match=r"(?s)--split test.*This run has no such split; it has train, val\."):
        measure(run)


def test_a_columns_features_move_together_and_a_series_as_a_whole_and_all_come_back() -> None:
    before = torch.arange(12.0).reshape(3, 4)
    inputs = before.clone()
    which = torch.tensor([False, True, True, False])
    with importance._shuffled(inputs, which, torch.Generator().manual_seed(1)):
        assert inputs[:, [0, 3]].tolist() == before[:, [0, 3]].tolist()
        assert (inputs[:, 2] - inputs[:, 1]).tolist() == [1, 1, 1]
        assert inputs[:, 1].tolist() != before[:, 1].tolist()
        assert sorted(inputs[:, 1].tolist()) == before[:, 1].tolist()
    assert inputs.tolist() == before.tolist()
    series = torch.arange(12.0).reshape(3, 2, 2)  # (B, T, F)
    with importance._shuffled(series, torch.tensor([True, False]), torch.Generator().manual_seed(1)):
        assert (series[:, 1, 0] - series[:, 0, 0]).tolist() == [2, 2, 2]
        assert series[:, 0, 0].tolist() != [0, 4, 8]


def test_rounding_is_no_importance() -> None:
    assert [importance._exact(mean) for mean in (4.4e-17, -2.2e-17, 0.0025)] == [0.0, 0.0, 0.0025]
