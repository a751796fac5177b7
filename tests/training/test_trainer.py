"""dlrun.training.trainer and dlrun.runs.run: a run from configuration to result, exactly repeatable and resumable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, DivergedError, Interrupted
from dlrun.runs import run
from dlrun.storage import run_dir
from dlrun.tasks.progress import Listener
from dlrun.training.signals import StopRequest
from tests.harness import CPU, SMALL, configure, rows_without_seconds, train, train_with_a_break, weights


def test_the_result_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    _, result = train(tmp_path / "a", *SMALL)
    written = json.loads((tmp_path / "a" / "result.json").read_text())
    assert written == result
    assert set(result) == {
        "status", "error", "metrics", "per_class", "auto", "baselines", "notices", "best", "metric_directions",
        "epochs", "steps", "samples", "seconds", "samples_per_second", "peak_memory_mib", "parameters", "seed",
        "config_sha256", "requested_sha256", "dataset", "environment",
    }  # fmt: skip
    assert result["status"] == "completed"
    assert result["error"] is None
    assert set(result["best"]) == {"metric", "value", "epoch", "step", "higher_is_better"}
    assert (result["best"]["metric"], result["best"]["higher_is_better"]) == ("val/accuracy", True)
    assert result["metric_directions"] == {"accuracy": "max", "macro_f1": "max", "loss": "min"}
    assert set(result["seconds"]) == {"total", "train", "eval"}
    assert result["dataset"]["sizes"] == {
        "train": 108,
        "val": 12,
        "test": 30,
    }  # of 150 rows 20 % test, of the rest 10 % val
    assert result["epochs"] == 4
    assert result["steps"] == 16  # 108 rows in batches of 32: 4 steps an epoch
    assert result["samples"] == 432
    assert result["parameters"] == 4 * 8 + 8 + 8 * 3 + 3
    assert set(result["metrics"]) == {
        f"{split}/{name}" for split in ("val", "test") for name in ("loss", "accuracy", "macro_f1")
    }


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(tmp_path / name, *SMALL, f"seed={seed}")
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert rows_without_seconds(tmp_path / "a") == rows_without_seconds(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


@pytest.mark.parametrize("stop_after", [1, 4, 6, 15])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, stop_after: int) -> None:
    extra = (
        "model.dropout=0.3",
        "scheduler=cosine",
        "scheduler.warmup_steps=3",
        "optimizer=adamw",
        "trainer.early_stop.patience=50",
    )
    train(tmp_path / "uninterrupted", *SMALL, *extra)
    with pytest.raises(Interrupted) as caught:
        train(tmp_path / "resumed", *SMALL, *extra, stop_after=stop_after)
    assert caught.value.exit_code == 143
    assert json.loads((tmp_path / "resumed" / "result.json").read_text())["status"] == "interrupted"
    train(tmp_path / "resumed", *SMALL, *extra, resume="auto")
    assert weights(tmp_path / "resumed") == weights(tmp_path / "uninterrupted")
    assert rows_without_seconds(tmp_path / "resumed") == rows_without_seconds(tmp_path / "uninterrupted")
    for name in ("optimizer.safetensors", "random.safetensors"):
        paths = [tmp_path / which / "checkpoints" / "step-16" / name for which in ("uninterrupted", "resumed")]
        assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("optimizer", ["adam", "muon", "rmsprop", "sgd"])
def test_a_convolutional_network_resumes_exactly(tmp_path: Path, optimizer: str) -> None:
    words = ("dataset=digits", "dataset.limit=200", "model=cnn", "model.channels=[4,6]", "model.hidden=[8]", *CPU)
    words = (*words, f"optimizer={optimizer}", "trainer.epochs=2", "trainer.log_every=1", "dataset.augment.shift=1")
    if optimizer == "sgd":
        words = (*words, "optimizer.momentum=0.9")
    train(tmp_path / "uninterrupted", *words)
    train_with_a_break(tmp_path / "resumed", *words, stop_after=3)
    assert weights(tmp_path / "resumed") == weights(tmp_path / "uninterrupted")
    assert rows_without_seconds(tmp_path / "resumed") == rows_without_seconds(tmp_path / "uninterrupted")


def test_a_finished_run_can_be_extended(tmp_path: Path) -> None:
    train(tmp_path / "long", *SMALL, "trainer.epochs=6")
    train(tmp_path / "short", *SMALL)
    _, result = train(tmp_path / "short", *SMALL, "trainer.epochs=6", resume="must")
    assert result["epochs"] == 6
    assert weights(tmp_path / "short") == weights(tmp_path / "long")


def test_rows_are_logged_every_few_steps_and_at_each_evaluation(tmp_path: Path) -> None:
    rows, _ = train(tmp_path / "a", *SMALL, "trainer.log_every=3", "trainer.eval_every=2")
    assert [row["step"] for row in rows.steps] == [3, 6, 9, 12, 15]
    assert [row["epoch"] for row in rows.steps] == [1, 2, 3, 3, 4]
    assert [(row["step"], row["epoch"]) for row in rows.epochs] == [(8, 2), (16, 4)]
    assert set(rows.steps[0]) == {"step", "epoch", "seconds", "train/loss", "lr"}
    assert "val/accuracy" in rows.epochs[0]
    assert len(rows.ended) == 1


def test_logged_losses_are_means_over_their_steps(tmp_path: Path) -> None:
    each, _ = train(tmp_path / "a", *SMALL, "trainer.epochs=1")
    both, _ = train(tmp_path / "b", *SMALL, "trainer.epochs=1", "trainer.log_every=2")
    losses = [row["train/loss"] for row in each.steps]
    assert [row["train/loss"] for row in both.steps] == pytest.approx(
        [(losses[0] + losses[1]) / 2, (losses[2] + losses[3]) / 2]
    )
    assert both.epochs[0]["train/loss"] == pytest.approx(sum(losses) / 4)


def test_max_steps_stops_mid_epoch_and_evaluates(tmp_path: Path) -> None:
    rows, result = train(tmp_path / "a", *SMALL, "trainer.max_steps=6")
    assert result["steps"] == 6
    assert [row["step"] for row in rows.epochs] == [4, 6]


def test_max_steps_ends_a_run_without_epochs(tmp_path: Path) -> None:
    _, result = train(tmp_path / "a", *SMALL, "trainer.epochs=null", "trainer.max_steps=9")
    assert result["steps"] == 9


def test_evaluation_mid_epoch(tmp_path: Path) -> None:
    rows, _ = train(tmp_path / "a", *SMALL, "trainer.epochs=1", "trainer.eval_every_steps=3")
    assert [row["step"] for row in rows.epochs] == [3, 4]


def test_what_is_due_every_some_steps_is_due_at_the_end_of_an_epoch_too(tmp_path: Path) -> None:
    often = (
        "trainer.eval_every=0",
        "trainer.eval_every_steps=8",
        "checkpoint.every_epochs=0",
        "checkpoint.every_steps=8",
    )
    rows, _ = train(tmp_path / "a", *SMALL, *often, "checkpoint.keep=10")  # 4 epochs of 4 steps
    assert [row["step"] for row in rows.epochs] == [8, 16]
    saved = {path.name for path in (tmp_path / "a" / "checkpoints").glob("step-*")}
    assert saved == {"step-8", "step-16"}


def test_accumulated_batches_are_one_step(tmp_path: Path) -> None:
    words = (*SMALL, "optimizer=sgd", "optimizer.lr=0.1", "trainer.shuffle=true")
    _, once = train(tmp_path / "a", *words, "trainer.batch_size=32")
    _, four = train(tmp_path / "b", *words, "trainer.batch_size=8", "trainer.accumulate=4")
    assert once["steps"] == four["steps"] == 16
    assert four["metrics"]["test/loss"] == pytest.approx(once["metrics"]["test/loss"], abs=1e-6)


def test_early_stopping_ends_the_run_after_its_patience(tmp_path: Path) -> None:
    words = (*SMALL, "trainer.epochs=50", "optimizer.lr=1e-9", "metric=accuracy", "trainer.early_stop.patience=3")
    _, result = train(tmp_path / "a", *words)  # too small a rate to learn anything: the first evaluation stays the best
    assert result["epochs"] == 4
    assert result["best"]["epoch"] == 1
    assert result["status"] == "completed"
    _, again = train(tmp_path / "a", *words, resume="must")
    assert again["epochs"] == 4


def test_final_metrics_are_those_of_the_best_checkpoint(tmp_path: Path) -> None:
    rows, result = train(tmp_path / "a", *SMALL, "trainer.epochs=30", "optimizer.lr=0.05", "metric=loss")
    losses = [row["val/loss"] for row in rows.epochs]
    assert result["best"]["value"] == min(losses)
    assert result["best"]["epoch"] == losses.index(min(losses)) + 1
    assert result["metrics"]["val/loss"] == pytest.approx(min(losses), rel=1e-6)


def test_without_a_validation_split_the_last_weights_are_tested(tmp_path: Path) -> None:
    rows, result = train(tmp_path / "a", *SMALL, "dataset.val_fraction=0")
    assert result["best"] is None
    assert set(result["metrics"]) == {"test/loss", "test/accuracy", "test/macro_f1"}
    assert "val/loss" not in rows.epochs[-1]


def test_without_held_out_splits_metrics_are_named_train(tmp_path: Path) -> None:
    _, result = train(tmp_path / "a", *SMALL, "dataset.val_fraction=0", "dataset.test_fraction=0")
    assert set(result["metrics"]) == {"train/loss", "train/accuracy", "train/macro_f1"}


def test_a_loss_that_is_not_finite_ends_the_run_at_once(tmp_path: Path) -> None:
    words = (
        "dataset=line",
        "model=linear",
        "optimizer=sgd",
        "optimizer.lr=1",
        "trainer.batch_size=16",
        "trainer.epochs=200",
        *CPU,
    )
    with pytest.raises(
        DivergedError,
        match=r"The loss is no longer a finite number at step \d+\. It first happened in .*Try a smaller optimizer.lr",
    ):
        train(tmp_path / "a", *words)
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert result["status"] == "diverged"
    assert "no longer a finite number" in result["error"]


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "a", *SMALL)
    with pytest.raises(ConfigError, match=r"model.hidden\n.*The checkpoint was written by another model"):
        train(tmp_path / "a", *SMALL, "model.hidden=[9]", resume="auto")
    with pytest.raises(ConfigError, match="The checkpoint contains the state of adam"):
        train(tmp_path / "a", *SMALL, "optimizer=sgd", resume="auto")


def test_a_refused_resume_leaves_the_run_unchanged(tmp_path: Path) -> None:
    train(tmp_path / "a", *SMALL)
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir() if path.is_file()}
    with pytest.raises(ConfigError):
        train(tmp_path / "a", *SMALL, "model.hidden=[9]", resume="auto")
    after = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir() if path.is_file()}
    assert after == before


def test_resuming_with_other_data_is_refused(tmp_path: Path) -> None:
    words = ("dataset=random_images", "dataset.size=8", "dataset.rows=40", "model=linear", "trainer.epochs=1", *CPU)
    train(tmp_path / "a", *words)
    with pytest.raises(ConfigError, match="The data is not what the checkpoint was trained on"):
        train(tmp_path / "a", *words, "dataset.image_seed=5", resume="auto")


def test_a_changed_environment_is_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "a", *SMALL)
    notices: list[str] = []
    monkeypatch.setattr("dlrun.runs.environment.processor", lambda: "another processor")
    claimed = run_dir.claim(tmp_path / "a", asked=True, resume="auto")

    def make_listeners(session: run.Session) -> Sequence[Listener]:
        notices.extend(session.notices)
        return []

    run.train(
        configure(*SMALL, "trainer.epochs=5"), Catalog(), claimed, stop=StopRequest(), make_listeners=make_listeners
    )
    claimed.release()
    assert len(notices) == 1
    assert "→ another processor" in notices[0]
    assert "bitwise identical results are not guaranteed" in notices[0]
