"""A task declares its metrics with their direction: as a plugin's author writes it, and as `dlrun runs` sorts by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness import CPU, SMALL, train

Dlrun = Callable[..., tuple[int, str, str]]

PLUGIN = """
import torch
from torch import nn
from dlrun import Task

class Overlap(Task):
    '''Its iou is 1 after 8 steps and falls before and after; its gap is 1 - iou.'''
    metrics = {metrics}
    def __init__(self, spec):
        super().__init__()
        self.layer = nn.Linear(spec.num_features, 1)
        self.register_buffer("steps", torch.zeros(()))
    def param_groups(self):
        return {{"model": self.layer}}
    def train_step(self, batch, update):
        loss = self.layer(batch.inputs.flatten(1)).square().mean()
        update("model", loss)
        self.steps += 1
        return {{"loss": loss.detach()}}
    def evaluation(self):
        return Pass(self)

class Pass:
    def __init__(self, task):
        self.iou = 1 - abs(task.steps.item() - 8) / 16
    def add(self, batch):
        pass
    def result(self):
        return {returned}

def overlap(spec):
    '''A task of my own.'''
    return Overlap(spec)
"""
WORDS = (
    "--plugin",
    "overlap.py",
    "model=overlap",
    "dataset=iris",
    "trainer.batch_size=32",
    "--quiet",
    *CPU,
)  # 4 steps an epoch


def write_plugin(
    metrics: str = '{"iou": "max", "gap": "min"}', returned: str = '{"iou": self.iou, "gap": 1 - self.iou}'
) -> None:
    Path("overlap.py").write_text(PLUGIN.format(metrics=metrics, returned=returned))


def result_of(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


@pytest.mark.parametrize(("words", "value"), [((), 1.0), (("metric=gap",), 0.0)])
def test_a_plugin_keeps_its_best_checkpoint(
    words: tuple[str, ...], value: float, dlrun: Dlrun, own_folder: Path
) -> None:
    write_plugin()
    code, _, err = dlrun(*WORDS, "trainer.epochs=4", "hydra.run.dir=a", *words)
    assert code == 0, err
    result = result_of(own_folder / "a")
    metric = "gap" if words else "iou"
    assert result["best"] == {
        "metric": f"val/{metric}", "value": value, "epoch": 2, "step": 8, "higher_is_better": metric == "iou"
    }  # fmt: skip
    assert result["metric_directions"] == {"iou": "max", "gap": "min"}
    assert result["metrics"] == {"val/iou": 1.0, "val/gap": 0.0, "test/iou": 1.0, "test/gap": 0.0}
    assert (own_folder / "a" / "checkpoints" / "best").read_text().strip() == "step-8"


@pytest.mark.parametrize(
    ("metrics", "step"), [('{"iou": "max", "loss": "min"}', 8), ('{"iou": "max", "loss": "max"}', 4)]
)
def test_of_equal_metrics_the_one_with_the_lower_loss_is_the_best(
    metrics: str, step: int, dlrun: Dlrun, own_folder: Path
) -> None:
    write_plugin(metrics, '{"iou": 1.0, "loss": 1 - self.iou}')  # the loss is lowest after step 8
    code, _, err = dlrun(*WORDS, "trainer.epochs=4", "hydra.run.dir=a")
    assert code == 0, err
    assert (result_of(own_folder / "a")["best"]["value"], result_of(own_folder / "a")["best"]["step"]) == (1.0, step)
    assert (own_folder / "a" / "checkpoints" / "best").read_text().strip() == f"step-{step}"


def test_early_stopping_and_plateau_follow_the_declared_direction(dlrun: Dlrun, own_folder: Path) -> None:
    write_plugin()
    words = ("trainer.epochs=9", "trainer.early_stop.patience=2", "scheduler=plateau", "scheduler.patience=1")
    code, _, err = dlrun(*WORDS, *words, "trainer.log_every=1", "scheduler.gamma=0.5", "hydra.run.dir=a")
    assert code == 0, err
    assert result_of(own_folder / "a")["epochs"] == 4  # the iou falls after epoch 2
    rows = [json.loads(line) for line in (own_folder / "a" / "metrics.jsonl").read_text().splitlines()]
    rates = {row["step"]: row["lr"] for row in rows if "lr" in row}
    assert rates[12] == rates[1]  # of epoch 3: nothing has fallen before
    assert rates[13] == rates[1] / 2


def test_runs_are_sorted_by_the_declared_direction(dlrun: Dlrun, own_folder: Path) -> None:
    write_plugin()
    for name, steps in (("a", 4), ("b", 8), ("c", 6)):
        assert dlrun(*WORDS, f"trainer.max_steps={steps}", f"hydra.run.dir=runs/{name}")[0] == 0
    for flags in ((), ("--sort", "test/iou"), ("--sort", "test/gap")):
        code, out, err = dlrun("runs", "runs", *flags, "--json")
        assert (code, err) == (0, "")
        assert [Path(run["run_dir"]).name for run in json.loads(out)] == ["b", "c", "a"], flags


def test_runs_without_a_direction_are_not_sorted_and_a_notice_names_the_metric(dlrun: Dlrun, own_folder: Path) -> None:
    write_plugin()
    for name, steps in (("a", 4), ("b", 8)):
        assert dlrun(*WORDS, f"trainer.max_steps={steps}", f"hydra.run.dir=runs/{name}")[0] == 0
        path = own_folder / "runs" / name / "result.json"
        result = json.loads(path.read_text())
        del result["metric_directions"], result["best"]["higher_is_better"]  # as an older version wrote it
        path.write_text(json.dumps(result))
    code, out, err = dlrun("runs", "runs", "--json")
    assert code == 0
    assert [Path(run["run_dir"]).name for run in json.loads(out)] == ["a", "b"]
    assert 'whether a higher "val/iou" is better' in err
    assert "those runs come last, unsorted" in err


def test_a_metric_that_is_returned_but_not_declared_is_refused(dlrun: Dlrun, own_folder: Path) -> None:
    write_plugin(metrics='{"iou": "max"}')
    code, _, err = dlrun(*WORDS, "trainer.epochs=1", "hydra.run.dir=a")
    assert code == 2
    assert "Overlap.metrics\n      An evaluation returned gap, and the task does not declare whether a higher" in err
    assert 'Add "gap": "max" or "gap": "min" to `metrics`.' in err


def test_a_metric_that_is_declared_but_not_returned_cannot_be_the_best(dlrun: Dlrun, own_folder: Path) -> None:
    write_plugin(returned='{"gap": 1 - self.iou}')
    code, _, err = dlrun(*WORDS, "trainer.epochs=1", "hydra.run.dir=a")
    assert code == 2
    assert "metric=iou\n      Overlap declares this metric, but its evaluation returned only gap." in err


@pytest.mark.parametrize("metrics", ['("iou", "gap")', '{"iou": "higher"}', "{}", '{"iou": ["max"]}'])
def test_metrics_without_a_direction_are_refused_before_training(metrics: str, dlrun: Dlrun, own_folder: Path) -> None:
    write_plugin(metrics=metrics)
    code, _, err = dlrun(*WORDS, "trainer.epochs=1", "hydra.run.dir=a")
    assert code == 2
    assert 'Overlap.metrics\n      Expected every metric with its direction, "max" if a higher value is better' in err
    assert not (own_folder / "a").exists()


def test_a_best_of_another_metric_is_not_compared_after_resuming(tmp_path: Path) -> None:
    _, before = train(tmp_path / "a", *SMALL, "trainer.epochs=2")
    assert before["best"]["metric"] == "val/accuracy"
    rows, after = train(tmp_path / "a", *SMALL, "trainer.epochs=4", "metric=loss", resume="must")
    losses = {row["epoch"]: row["val/loss"] for row in rows.epochs}
    assert after["best"]["value"] == min(losses.values())
    assert losses[after["best"]["epoch"]] == after["best"]["value"]
