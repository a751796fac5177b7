"""dlrun.runs.resume: which configurations a checkpoint can be resumed with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.run_config import RunConfig
from dlrun.errors import ConfigError, Interrupted
from dlrun.runs import resume
from tests.harness import CPU, SMALL, train


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


def test_a_field_newer_than_the_checkpoint_is_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = resume._row_settings

    def without(config: RunConfig) -> dict[str, Any]:
        return {key: value for key, value in now(config).items() if key != "val_fraction"}

    with monkeypatch.context() as older:
        older.setattr(resume, "_row_settings", without)
        train(tmp_path / "a", *SMALL)
    train(tmp_path / "a", *SMALL, "trainer.epochs=5", resume="auto")
    with pytest.raises(ConfigError, match=r"dataset\.split_seed=3\n"):
        train(tmp_path / "a", *SMALL, "dataset.split_seed=3", "trainer.epochs=6", resume="auto")


def test_a_checkpoint_older_than_folds_is_not_resumed_as_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = resume._row_settings

    def without(config: RunConfig) -> dict[str, Any]:
        return {key: value for key, value in now(config).items() if key not in ("folds", "fold")}

    with monkeypatch.context() as older:
        older.setattr(resume, "_row_settings", without)
        train(tmp_path / "a", *SMALL)
    with pytest.raises(ConfigError, match=r"dataset\.folds=3\n.*\n.*dataset\.fold=0\n"):
        train(tmp_path / "a", *SMALL, "dataset.folds=3", "dataset.fold=0", resume="auto")
    train(tmp_path / "a", *SMALL, "trainer.epochs=5", resume="auto")


def test_a_table_model_from_before_a_field_existed_resumes_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("dataset=iris", "model=tabular", "model.members=2", "trainer.max_steps=12", "trainer.log_every=1", *CPU)
    now = resume.metadata

    def older(*arguments: Any) -> dict[str, Any]:
        written = now(*arguments)
        kept = {key: value for key, value in written["model"].items() if key not in ("additive", "share")}
        return {**written, "model": kept}

    with monkeypatch.context() as before:
        before.setattr(resume, "metadata", older)
        with pytest.raises(Interrupted):
            train(tmp_path / "a", *words, "model.additive=false", "model.share=1.0", stop_after=6)
    with pytest.raises(ConfigError, match=r"model.additive, model.share\n.*written by another model"):
        train(tmp_path / "a", *words, resume="auto")
    _, result = train(tmp_path / "a", *words, "model.additive=false", "model.share=1.0", resume="auto")
    assert result["steps"] == 12
