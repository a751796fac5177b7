"""dlrun.runs.resume: which configurations a checkpoint can be resumed with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.errors import ConfigError, Interrupted
from tests.harness import SMALL, train


def test_other_rows_are_an_error_and_within_an_epoch_another_order_too(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(tmp_path / "a", *SMALL, stop_after=6)
    with pytest.raises(ConfigError, match=r"dataset.val_fraction=0.2\n.*The checkpoint was trained with 0.1"):
        train(tmp_path / "a", *SMALL, "dataset.val_fraction=0.2", resume="auto")
    with pytest.raises(
        ConfigError,
        match=r"Cannot resume this run:\n.*batch_size=16\n.*with 32: changing this would repeat or skip rows",
    ):
        train(tmp_path / "a", *SMALL, "trainer.batch_size=16", resume="auto")
    train(tmp_path / "a", *SMALL, resume="auto")
    train(tmp_path / "a", *SMALL, "trainer.batch_size=16", "trainer.epochs=5", resume="auto")  # between two epochs
