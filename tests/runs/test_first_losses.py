"""The losses of the first steps are those of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import DataError
from dlrun.runs.first_losses import environment_of, first_losses
from dlrun.training.build import Components
from tests.harness import SMALL, configure, train


@pytest.mark.parametrize("words", [(), ("model.dropout=0.5", "scheduler=cosine", "trainer.ema=0.9")])
def test_they_are_those_of_a_run_that_logs_each_step(words: tuple[str, ...], tmp_path: Path) -> None:
    """Four steps are an epoch here, so that the ten span three."""
    _, result = train(tmp_path / "run", *SMALL, *words)
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    logged = [row["train/loss"] for row in rows if "train/loss" in row and "val/loss" not in row][:10]
    components, losses = first_losses(configure(*SMALL, *words), Catalog())
    assert losses == {"loss": logged}
    assert len(logged) == 10
    assert environment_of(components) == result["environment"]


def test_a_shorter_training_has_fewer() -> None:
    _, losses = first_losses(configure(*SMALL, "trainer.max_steps=3"), Catalog())
    assert len(losses["loss"]) == 3


def test_the_mean_over_the_batches_of_a_step_counts() -> None:
    words = ("trainer.batch_size=27", "trainer.shuffle=false", "optimizer=sgd", "optimizer.lr=1e-30", "model=linear")
    _, one = first_losses(configure(*SMALL[:1], *words, "device.threads=1"), Catalog(), steps=4)
    _, two = first_losses(configure(*SMALL[:1], *words, "trainer.accumulate=2", "device.threads=1"), Catalog(), steps=2)
    first = one["loss"]
    assert two["loss"] == [pytest.approx((first[0] + first[1]) / 2), pytest.approx((first[2] + first[3]) / 2)]


def test_what_was_built_can_be_refused_before_the_first_step() -> None:
    def refuse(components: Components) -> None:
        raise DataError(f"not {components.data.name}")

    with pytest.raises(DataError, match="not iris"):
        first_losses(configure(*SMALL), Catalog(), check=refuse)
