"""dlrun.cli.point_runner: a point trained beside others is the run by itself, and remembers its threads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.cli.main import main
from dlrun.cli.point_runner import PointRunner
from dlrun.configuration import safe_yaml
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.jobs import Ended, Event, Job, Point
from dlrun.runs.sweeps.rows import SweepRow

Dlrun = Callable[..., tuple[int, str, str]]
STEPS = ("trainer.max_steps=6", "trainer.log_every=1", "dataset.baselines=false", "device=cpu", "--quiet")
TABLE = ("dataset=table", "dataset.path=example:people.csv", "dataset.target=renewed")
_DATASET = """\
import torch

from dlrun.data.source import Rows, Source


def counted(*, draws: bool = False):
    '''Notes each time it is loaded.'''
    with open("loaded.txt", "a") as stream:
        stream.write("loaded\\n")
    x = torch.rand(60, 3) if draws else torch.arange(180.0).reshape(60, 3)
    return Source("dense", "regression", Rows(x, x.sum(dim=1, keepdim=True)))
"""


def weights(folder: Path) -> bytes:
    step = (folder / "checkpoints" / "last").read_text().strip()
    return (folder / "checkpoints" / step / "model.safetensors").read_bytes()


def losses(folder: Path) -> list[float]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [row["train/loss"] for row in map(json.loads, lines) if "train/loss" in row]


@pytest.mark.parametrize(
    ("words", "swept", "threads"),
    [
        (("dataset=digits",), "model=mlp,cnn,rnn", 1),
        (("dataset=digits", "dataset.limit=200", "model=gan"), "seed=0,1", 1),
        (TABLE, "model=tabular,mlp", 1),
        (("dataset=digits",), "model=mlp,cnn", 2),
    ],
)
def test_weights_are_those_of_the_run_by_itself(
    dlrun: Dlrun, own_folder: Path, words: tuple[str, ...], swept: str, threads: int
) -> None:
    given = () if threads == 1 else (f"device.threads={threads}",)  # else the sweep decides: a core for each point
    code, _, err = dlrun("-m", *words, swept, *STEPS, *given, "launch.jobs=2", "hydra.sweep.dir=together")
    assert code == 0, err
    key, _, values = swept.partition("=")
    for number, value in enumerate(values.split(",")):
        alone = ("hydra.run.dir=alone_" + value, f"device.threads={threads}")
        assert main([*words, f"{key}={value}", *STEPS, *alone]) == 0
        together, single = own_folder / "together" / str(number), own_folder / f"alone_{value}"
        assert weights(together) == weights(single)
        assert losses(together) == losses(single)
        assert (together / "config.yaml").read_bytes() == (single / "config.yaml").read_bytes()


class Rows:
    """A channel that keeps rows, and asks points to stop at their first evaluation while `stops` is set."""

    def __init__(self) -> None:
        self.rows: list[SweepRow] = []
        self.stops = True

    def report(self, event: Event) -> None:
        if isinstance(event, Ended):
            self.rows.append(event.row)

    def stop_reason(self, point: int) -> str | None:
        return "hopeless" if self.stops else None


def test_a_point_goes_on_with_the_threads_it_began_with(own_folder: Path) -> None:
    catalog, channel = Catalog(), Rows()
    words = ["dataset=iris", "model=mlp", "trainer.epochs=3", "trainer.eval_every=1", "resume=auto", "device=cpu"]
    words.append("device.threads=null")  # the sweep decides
    (plan,) = plan_runs(parse_overrides(words, catalog, multirun=True), catalog)
    for threads in (1, 2):
        PointRunner((), (), quiet=True)(Job((Point(0, plan, own_folder / "run"),), threads=threads), channel)
        channel.stops = False
    assert [row.status for row in channel.rows] == ["interrupted", "completed"]
    result = json.loads((own_folder / "run/result.json").read_text())
    assert result["environment"]["threads"] == 1
    assert safe_yaml.read_yaml(own_folder / "run/config.yaml")["device"]["threads"] == 1
    PointRunner((), (), quiet=True)(Job((Point(0, plan, own_folder / "run"),), threads=2), channel)
    assert (
        channel.rows[2].metrics == channel.rows[1].metrics
    )  # taken over: the request is the same, whatever the threads


def test_data_is_loaded_once_for_all_points(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "counted.py").write_text(_DATASET)
    words = ("-m", "--plugin", "counted.py", "dataset=counted", "model=linear", *STEPS, "launch.jobs=2")
    code, _, err = dlrun(*words, "seed=0,1,2,3", "optimizer.lr=0.1,0.01", "hydra.sweep.dir=s")
    assert code == 0, err
    assert (own_folder / "loaded.txt").read_text() == "loaded\n"


def test_data_that_draws_random_numbers_is_loaded_for_each_seed(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "counted.py").write_text(_DATASET)
    words = ("--plugin", "counted.py", "dataset=counted", "dataset.draws=true", "model=linear", *STEPS)
    code, _, err = dlrun("-m", *words, "launch.jobs=2", "seed=0,1", "hydra.sweep.dir=s")
    assert code == 0, err
    assert main([*words, "seed=1", "device.threads=1", "hydra.run.dir=alone"]) == 0
    assert weights(own_folder / "s/1") == weights(own_folder / "alone")
    assert weights(own_folder / "s/0") != weights(own_folder / "alone")


def test_the_device_of_a_point_is_in_its_row(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", "dataset=iris", "model=linear", "seed=0,1", *STEPS, "hydra.sweep.dir=s")
    assert code == 0, err
    rows = [json.loads(line) for line in (own_folder / "s/sweep.jsonl").read_text().splitlines()]
    assert [row["device"] for row in rows] == ["cpu", "cpu"]
