"""dlrun.training.trainer and dlrun.runs.run: a run from configuration to result, exactly repeatable and resumable."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.configuration.compose import compose, plan
from dlrun.configuration.overrides import parse
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.settings import TrainerSettings
from dlrun.errors import ConfigError, DivergedError, DlrunError, Interrupted
from dlrun.report.metrics_file import MetricsFile
from dlrun.runs import run
from dlrun.storage import run_dir
from dlrun.tasks.progress import Listener, Progress, Row, RunningMeans
from dlrun.training.signals import StopRequest
from dlrun.training.trainer import horizon

CPU = ("device=cpu", "device.threads=1")
SMALL = ("dataset=iris", "model=mlp", "model.hidden=[8]", "trainer.epochs=4", "trainer.log_every=1", *CPU)


def configure(*words: str) -> RunConfig:
    catalog = Catalog()
    (point,) = parse(words, catalog).points()
    return compose(plan(point, catalog), catalog).config


class Watcher(Listener):
    """Collects rows; asks for a stop after a step where told to."""

    def __init__(self, stop: StopRequest, *, stop_after: int | None = None) -> None:
        self.steps: list[Row] = []
        self.epochs: list[Row] = []
        self.ended: list[Any] = []
        self._stop, self._stop_after = stop, stop_after

    def on_step(self, progress: Progress, row: Row) -> None:
        self.steps.append(row)
        if progress.step == self._stop_after:
            self._stop.signal = signal.SIGTERM

    def on_epoch(self, progress: Progress, row: Row) -> None:
        self.epochs.append(row)

    def on_end(self, result: Any) -> None:
        self.ended.append(result)


def train(
    folder: Path, *words: str, stop_after: int | None = None, resume: str = "never"
) -> tuple[Watcher, dict[str, Any]]:
    """Train in `folder`; returns what a watcher saw and the result."""
    stop = StopRequest()
    watcher = Watcher(stop, stop_after=stop_after)
    claimed = run_dir.claim(folder, asked=True, resume=resume)

    def make_listeners(session: run.Session) -> Sequence[Listener]:
        return [MetricsFile(folder / "metrics.jsonl", from_step=session.resumed_from), watcher]

    try:
        result = run.train(configure(*words), Catalog(), claimed, stop=stop, make_listeners=make_listeners)
    finally:
        claimed.release()
    return watcher, result


def rows_without_seconds(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def weights(folder: Path) -> bytes:
    last = (folder / "checkpoints" / "last").read_text().strip()
    return (folder / "checkpoints" / last / "model.safetensors").read_bytes()


def test_the_result_holds_what_the_contract_says(tmp_path: Path) -> None:
    _, result = train(tmp_path / "a", *SMALL)
    written = json.loads((tmp_path / "a" / "result.json").read_text())
    assert written == result
    assert set(result) == {
        "status", "error", "metrics", "best", "epochs", "steps", "samples", "seconds", "samples_per_second",
        "peak_memory_mib", "parameters", "seed", "config_sha256", "dataset", "environment",
    }  # fmt: skip
    assert result["status"] == "completed"
    assert result["error"] is None
    assert set(result["best"]) == {"metric", "value", "epoch", "step"}
    assert result["best"]["metric"] == "val/accuracy"
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
def test_a_run_gone_on_with_ends_as_if_never_stopped(tmp_path: Path, stop_after: int) -> None:
    extra = (
        "model.dropout=0.3",
        "scheduler=cosine",
        "scheduler.warmup_steps=3",
        "optimizer=adamw",
        "trainer.early_stop.patience=50",
    )
    train(tmp_path / "whole", *SMALL, *extra)
    with pytest.raises(Interrupted) as caught:
        train(tmp_path / "broken", *SMALL, *extra, stop_after=stop_after)
    assert caught.value.exit_code == 143
    assert json.loads((tmp_path / "broken" / "result.json").read_text())["status"] == "interrupted"
    train(tmp_path / "broken", *SMALL, *extra, resume="auto")
    assert weights(tmp_path / "broken") == weights(tmp_path / "whole")
    assert rows_without_seconds(tmp_path / "broken") == rows_without_seconds(tmp_path / "whole")
    for name in ("optimizer.safetensors", "random.safetensors"):
        paths = [tmp_path / which / "checkpoints" / "step-16" / name for which in ("whole", "broken")]
        assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("optimizer", ["adam", "muon", "rmsprop", "sgd"])
def test_a_network_of_convolutions_goes_on_exactly(tmp_path: Path, optimizer: str) -> None:
    words = ("dataset=digits", "dataset.limit=200", "model=cnn", "model.channels=[4,6]", "model.hidden=[8]", *CPU)
    words = (*words, f"optimizer={optimizer}", "trainer.epochs=2", "trainer.log_every=1", "dataset.augment.shift=1")
    if optimizer == "sgd":
        words = (*words, "optimizer.momentum=0.9")
    train(tmp_path / "whole", *words)
    with pytest.raises(Interrupted):
        train(tmp_path / "broken", *words, stop_after=3)
    train(tmp_path / "broken", *words, resume="auto")
    assert weights(tmp_path / "broken") == weights(tmp_path / "whole")
    assert rows_without_seconds(tmp_path / "broken") == rows_without_seconds(tmp_path / "whole")


def test_a_finished_run_can_be_extended(tmp_path: Path) -> None:
    train(tmp_path / "long", *SMALL, "trainer.epochs=6")
    train(tmp_path / "short", *SMALL)
    _, result = train(tmp_path / "short", *SMALL, "trainer.epochs=6", resume="must")
    assert result["epochs"] == 6
    assert weights(tmp_path / "short") == weights(tmp_path / "long")


def test_rows_are_written_every_so_many_steps_and_at_each_evaluation(tmp_path: Path) -> None:
    watcher, _ = train(tmp_path / "a", *SMALL, "trainer.log_every=3", "trainer.eval_every=2")
    assert [row["step"] for row in watcher.steps] == [3, 6, 9, 12, 15]
    assert [row["epoch"] for row in watcher.steps] == [1, 2, 3, 3, 4]
    assert [(row["step"], row["epoch"]) for row in watcher.epochs] == [(8, 2), (16, 4)]
    assert set(watcher.steps[0]) == {"step", "epoch", "seconds", "train/loss", "lr"}
    assert "val/accuracy" in watcher.epochs[0]
    assert len(watcher.ended) == 1


def test_logged_losses_are_means_over_their_steps(tmp_path: Path) -> None:
    each, _ = train(tmp_path / "a", *SMALL, "trainer.epochs=1")
    both, _ = train(tmp_path / "b", *SMALL, "trainer.epochs=1", "trainer.log_every=2")
    losses = [row["train/loss"] for row in each.steps]
    assert [row["train/loss"] for row in both.steps] == pytest.approx(
        [(losses[0] + losses[1]) / 2, (losses[2] + losses[3]) / 2]
    )
    assert both.epochs[0]["train/loss"] == pytest.approx(sum(losses) / 4)


def test_max_steps_stops_within_an_epoch_and_evaluates(tmp_path: Path) -> None:
    watcher, result = train(tmp_path / "a", *SMALL, "trainer.max_steps=6")
    assert result["steps"] == 6
    assert [row["step"] for row in watcher.epochs] == [4, 6]


def test_steps_alone_decide_when_there_are_no_epochs(tmp_path: Path) -> None:
    _, result = train(tmp_path / "a", *SMALL, "trainer.epochs=null", "trainer.max_steps=9")
    assert result["steps"] == 9


def test_evaluation_within_an_epoch(tmp_path: Path) -> None:
    watcher, _ = train(tmp_path / "a", *SMALL, "trainer.epochs=1", "trainer.eval_every_steps=3")
    assert [row["step"] for row in watcher.epochs] == [3, 4]


def test_accumulated_batches_are_one_step(tmp_path: Path) -> None:
    words = (*SMALL, "optimizer=sgd", "optimizer.lr=0.1", "trainer.shuffle=true")
    _, once = train(tmp_path / "a", *words, "trainer.batch_size=32")
    _, four = train(tmp_path / "b", *words, "trainer.batch_size=8", "trainer.accumulate=4")
    assert once["steps"] == four["steps"] == 16
    assert four["metrics"]["test/loss"] == pytest.approx(once["metrics"]["test/loss"], abs=1e-6)


def test_early_stopping_ends_the_run_after_its_patience(tmp_path: Path) -> None:
    words = (*SMALL, "trainer.epochs=50", "optimizer.lr=1e-9", "metric=accuracy", "trainer.early_stop.patience=3")
    _, result = train(tmp_path / "a", *words)  # nothing is learnt at this rate: the first evaluation stays the best
    assert result["epochs"] == 4
    assert result["best"]["epoch"] == 1
    assert result["status"] == "completed"
    _, again = train(tmp_path / "a", *words, resume="must")
    assert again["epochs"] == 4


def test_final_metrics_are_those_of_the_best_checkpoint(tmp_path: Path) -> None:
    watcher, result = train(tmp_path / "a", *SMALL, "trainer.epochs=30", "optimizer.lr=0.05", "metric=loss")
    losses = [row["val/loss"] for row in watcher.epochs]
    assert result["best"]["value"] == min(losses)
    assert result["best"]["epoch"] == losses.index(min(losses)) + 1
    assert result["metrics"]["val/loss"] == pytest.approx(min(losses), rel=1e-6)


def test_without_validation_rows_the_last_weights_are_tested(tmp_path: Path) -> None:
    watcher, result = train(tmp_path / "a", *SMALL, "dataset.val_fraction=0")
    assert result["best"] is None
    assert set(result["metrics"]) == {"test/loss", "test/accuracy", "test/macro_f1"}
    assert "val/loss" not in watcher.epochs[-1]


def test_without_held_out_rows_the_training_rows_are_named_as_such(tmp_path: Path) -> None:
    _, result = train(tmp_path / "a", *SMALL, "dataset.val_fraction=0", "dataset.test_fraction=0")
    assert set(result["metrics"]) == {"train/loss", "train/accuracy", "train/macro_f1"}


def test_a_loss_that_is_not_finite_ends_the_run_within_the_step(tmp_path: Path) -> None:
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
        match=r"The loss is no longer a finite number at step \d+\. It went bad first in .*Try a smaller optimizer.lr",
    ):
        train(tmp_path / "a", *words)
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert result["status"] == "diverged"
    assert "no longer a finite number" in result["error"]


def test_another_model_cannot_go_on_with_a_checkpoint(tmp_path: Path) -> None:
    train(tmp_path / "a", *SMALL)
    with pytest.raises(ConfigError, match=r"model.hidden\n.*The checkpoint was written by another model"):
        train(tmp_path / "a", *SMALL, "model.hidden=[9]", resume="auto")
    with pytest.raises(ConfigError, match="The checkpoint contains the state of adam"):
        train(tmp_path / "a", *SMALL, "optimizer=sgd", resume="auto")


def test_what_is_refused_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    train(tmp_path / "a", *SMALL)
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir() if path.is_file()}
    with pytest.raises(ConfigError):
        train(tmp_path / "a", *SMALL, "model.hidden=[9]", resume="auto")
    after = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir() if path.is_file()}
    assert after == before


def test_other_data_cannot_be_gone_on_with(tmp_path: Path) -> None:
    words = ("dataset=random_images", "dataset.size=8", "dataset.rows=40", "model=linear", "trainer.epochs=1", *CPU)
    train(tmp_path / "a", *words)
    with pytest.raises(ConfigError, match="The data is not what the checkpoint was trained on"):
        train(tmp_path / "a", *words, "dataset.image_seed=5", resume="auto")


def test_a_changed_environment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "a", *SMALL)
    told: list[str] = []
    monkeypatch.setattr("dlrun.runs.environment.processor", lambda: "another processor")
    claimed = run_dir.claim(tmp_path / "a", asked=True, resume="auto")

    def make_listeners(session: run.Session) -> Sequence[Listener]:
        told.extend(session.notices)
        return []

    run.train(
        configure(*SMALL, "trainer.epochs=5"), Catalog(), claimed, stop=StopRequest(), make_listeners=make_listeners
    )
    claimed.release()
    assert len(told) == 1
    assert "→ another processor" in told[0]
    assert "bitwise identical results are not guaranteed" in told[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dataset=iris", "model=cnn"), "A CNN needs images, and this dataset has 4 features"),
        (("dataset=diabetes", "model=gan"), "model=gan"),
        (("dataset=digits", "model=cnn", "model.kernel=9", "model.padding=valid"), "too small for a kernel of 9"),
        (("dataset=iris", "model=mlp", "model.norm=batch", "trainer.batch_size=107"), "a single row"),
        (("dataset=iris", "model=mlp", "model.norm=batch", "trainer.batch_size=1"), "Every batch holds a single row"),
        (("dataset=iris", "model=linear", "loss=mse"), "This dataset has 3 classes; use loss=cross_entropy"),
        (("dataset=iris", "model=linear", "loss=binary_cross_entropy"), "3 classes; use loss=cross_entropy"),
        (("dataset=diabetes", "loss=cross_entropy", "model=mlp"), "numbers to predict; use loss=mse"),
        (("dataset=digits", "model=gan", "loss=mse"), "has losses of its own; use loss=auto"),
        (("dataset=iris", "model=mlp", "metric=acuracy"), 'This task has no such metric. Did you mean "accuracy"?'),
        (("dataset=iris", "model=mlp", "device=mps"), "This machine has no mps"),
        (
            ("dataset=iris", "model=mlp", "optimizer=sgd", "optimizer.nesterov=true"),
            "Nesterov's form needs optimizer.momentum above 0",
        ),
        (("dataset=iris", "model=mlp", "dataset.augment.shift=1"), "Shift, crop and flip are for images"),
        (
            ("dataset=line", "model=linear", "optimizer=sgd", "optimizer.lr=0.01", "trainer.batch_size=100"),
            "Gradient descent diverges on this data above a rate of 0.0003",
        ),
    ],
)
def test_impossible_combinations_are_told_before_training(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    words = tuple(word for word in CPU if not any(other.startswith("device=") for other in words)) + words
    with pytest.raises(DlrunError) as caught:
        train(tmp_path / "a", *words)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "a" / "checkpoints").exists()


def test_the_largest_stable_rate_is_the_one_where_descent_turns(tmp_path: Path) -> None:
    words = (
        "dataset=line",
        "dataset.test_fraction=0",
        "dataset.val_fraction=0",
        "model=linear",
        "optimizer=sgd",
        "trainer.batch_size=100",
        *CPU,
    )
    train(tmp_path / "below", *words, "optimizer.lr=3.0e-4")
    with pytest.raises(ConfigError):
        train(tmp_path / "above", *words, "optimizer.lr=3.1e-4")


PLUGIN = """
from torch import nn
def {name}(spec, *, width: int = 8):
    '''A model of my own.'''
    return {body}
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))",
            "The model ends in a softmax, and the cross entropy that follows takes logits",
        ),
        (
            "nn.Conv2d(3, 32, (3, 3), padding=1, activation='relu')",
            "Building it failed: TypeError: Conv2d.__init__() got an unexpected keyword argument 'activation'",
        ),
        (
            "nn.Linear(64 * 6 * 6, 3)",
            "The model fails on 4 features, 3 classes: RuntimeError: mat1 and mat2 shapes cannot be multiplied",
        ),
        ("nn.Linear(4, 5)", "Expected an output of shape (8, 3) for 8 rows, got (8, 5)"),
        ("nn.Identity()", "The model has no parameters to train"),
    ],
)
def test_the_tutorials_mistakes_are_told_before_training(
    tmp_path: Path, body: str, message: str, dlrun: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN.format(name="mine", body=body))
    code, _, err = dlrun("check", "--plugin", "mine.py", "model=mine", "dataset=iris", "device.threads=1")
    assert code == 2
    assert message in err


def test_horizon_counts_steps_of_the_optimizer() -> None:
    settings = TrainerSettings(epochs=3, batch_size=10, accumulate=2)
    assert horizon(95, settings).steps_per_epoch == 5  # 10 batches, two a step
    assert horizon(95, settings).total_steps == 15
    assert horizon(95, settings, warmup_steps=4).total_steps == 11
    assert horizon(95, TrainerSettings(epochs=None, max_steps=7)).total_steps == 7


def test_running_means_tell_at_once_on_the_cpu() -> None:
    means = RunningMeans(on_cpu=True)
    assert means.add({"loss": torch.tensor(1.0)})
    assert not means.add({"loss": torch.tensor(float("nan"))})
    assert not RunningMeans(on_cpu=True).add({"loss": torch.tensor(float("inf"))})


def test_running_means_elsewhere_wait_until_they_are_read() -> None:
    means = RunningMeans(on_cpu=False)
    for value in (1.0, 2.0, 6.0):
        assert means.add({"loss": torch.tensor(value)})
    other = RunningMeans(on_cpu=False)
    other.restore(means.state(), torch.device("cpu"))
    assert other.take() == ({"loss": 9.0}, 3)
    assert other.take() == ({}, 0)


def test_a_run_that_does_not_compile_leaves_the_compiler_unloaded(tmp_path: Path) -> None:
    import subprocess
    import sys

    words = [*SMALL, "model.hidden=[4]", "trainer.epochs=1", "-q", f"hydra.run.dir={tmp_path / 'a'}"]
    code = (
        "import sys; from dlrun.cli.main import main\n"
        f"main({words!r})\n"
        "heavy = ('torch._dynamo', 'torch._inductor', 'sympy', 'sklearn', 'scipy', 'pandas', 'pyarrow', 'PIL')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
