"""Points trained in a pack: whole sweeps, held against the same points trained one by one."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.runs.sweeps.packing.block import Block
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.training.signals import StopRequest

Dlrun = Callable[..., tuple[int, str, str]]
ONE = ("device.threads=1", "device=cpu", "launch.jobs=1")


def sweep(dlrun: Dlrun, folder: str, *words: str, pack: str = "on", code: int = 0) -> list[dict[str, Any]]:
    """Run a sweep in `folder`; return its rows by point."""
    found, _, err = dlrun("-m", *ONE, *words, f"hydra.sweep.dir={folder}", f"launch.pack={pack}")
    assert found == code, err
    rows = [json.loads(line) for line in (Path(folder) / "sweep.jsonl").read_text().splitlines()]
    return sorted(rows, key=lambda row: row["point"])


def result(folder: str, point: int) -> dict[str, Any]:
    return dict(json.loads((Path(folder) / str(point) / "result.json").read_text()))


def losses(folder: str, point: int) -> list[float]:
    lines = (Path(folder) / str(point) / "metrics.jsonl").read_text().splitlines()
    return [row["train/loss"] for row in map(json.loads, lines) if "lr" in row]


HUNDRED = ("trainer.max_steps=100", "trainer.epochs=99", "trainer.log_every=1", "dataset.baselines=false")
SWEEPS = {
    "mlp, adam, cosine after a warm-up, learning rates and seeds": (
        "dataset=digits", "model=mlp", "model.hidden=[16]", "optimizer=adam", "optimizer.lr=1e-3,1e-2", "seed=0,1",
        "scheduler=cosine", "scheduler.warmup_steps=20",
    ),
    "mlp, adamw, clipped, weight decays and label smoothing": (
        "dataset=digits", "model=mlp", "model.hidden=[16,16]", "model.norm=layer", "optimizer=adamw",
        "optimizer.weight_decay=0,0.5", "trainer.clip_norm=0.5", "loss.label_smoothing=0,0.1",
    ),
    "linear, sgd with momentum, learning rates and momenta": (
        "dataset=digits", "model=linear", "optimizer=sgd", "optimizer.lr=0.1,0.01", "optimizer.momentum=0.5,0.9",
        "seed=3",
    ),
    "two classes, nesterov, seeds": (
        "dataset=breast_cancer", "model=mlp", "model.hidden=[8]", "optimizer=sgd", "optimizer.momentum=0.9",
        "optimizer.nesterov=true", "optimizer.lr=0.01,0.05", "seed=0,1",
    ),
    "numbers, huber, an optimizer without a fused kernel": (
        "dataset=diabetes", "model=mlp", "model.hidden=[8]", "loss=huber", "optimizer=rmsprop",
        "optimizer.lr=1e-3,1e-2",
    ),
    "cnn, adam, clipped, learning rates and seeds": (
        "dataset=digits", "model=cnn", "model.channels=[4]", "model.hidden=[8]", "model.norm=none", "model.dropout=0",
        "optimizer.lr=1e-3,1e-2", "trainer.clip_norm=1", "seed=0,1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", SWEEPS.values(), ids=SWEEPS.keys())
def test_losses_of_the_first_hundred_steps_are_those_of_each_run_alone(dlrun: Dlrun, words: tuple[str, ...]) -> None:
    packed = sweep(dlrun, "packed", *words, *HUNDRED)
    alone = sweep(dlrun, "alone", *words, *HUNDRED, pack="off")
    assert [row["overrides"] for row in packed] == [row["overrides"] for row in alone]
    for point in range(len(alone)):
        assert result("packed", point)["environment"]["packed"] == len(alone)
        assert "packed" not in result("alone", point)["environment"]
        mine, theirs = losses("packed", point), losses("alone", point)
        assert len(theirs) == 100
        assert mine == pytest.approx(theirs, abs=1e-4)
    assert len({tuple(losses("packed", point)) for point in range(len(alone))}) == len(alone)


IRIS = ("dataset=iris", "model=mlp", "model.hidden=[8]", "trainer.batch_size=32", "trainer.epochs=3")


def test_each_point_has_everything_that_a_run_of_its_own_has(dlrun: Dlrun) -> None:
    rows = sweep(dlrun, "packed", *IRIS, "optimizer.lr=0.1,0.01")
    sweep(dlrun, "alone", *IRIS, "optimizer.lr=0.1,0.01", pack="off")
    for row in rows:
        mine, theirs = result("packed", row["point"]), result("alone", row["point"])
        assert (row["status"], mine["steps"], mine["epochs"]) == ("completed", 12, 3)
        for name in ("config_sha256", "requested_sha256", "auto", "dataset", "parameters", "best"):
            assert mine[name] == theirs[name], name
        measured = [[(each["name"], each["metrics"]) for each in found["baselines"]] for found in (mine, theirs)]
        assert measured[0] == measured[1] != []
        assert mine["metrics"] == pytest.approx(theirs["metrics"], abs=1e-5)
        folders = [Path(name) / str(row["point"]) for name in ("packed", "alone")]
        names = [sorted(path.name for path in folder.rglob("*")) for folder in folders]
        assert names[0] == names[1]
        assert folders[0].joinpath("config.yaml").read_text() == folders[1].joinpath("config.yaml").read_text()
        assert "completed: 12 steps" in (folders[0] / "dlrun.log").read_text()


def test_the_weights_before_the_first_step_have_the_same_bytes(dlrun: Dlrun) -> None:
    words = (*IRIS, "seed=0,1", "optimizer=sgd", "optimizer.momentum=0", "optimizer.lr=1e-38", "trainer.max_steps=1")
    sweep(dlrun, "packed", *words)  # a step that changes no weight
    sweep(dlrun, "alone", *words, pack="off")
    for point in (0, 1):
        files = [Path(name) / str(point) / "checkpoints/step-1/model.safetensors" for name in ("packed", "alone")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_a_point_can_be_evaluated_resumed_and_shared(dlrun: Dlrun) -> None:
    sweep(dlrun, "packed", *IRIS, "optimizer.lr=0.1,0.01")
    code, out, err = dlrun("eval", "packed/1", "--json")
    assert code == 0, err
    assert json.loads(out) == {
        name: value for name, value in result("packed", 1)["metrics"].items() if name.startswith("test/")
    }
    code, _, err = dlrun("resume", "packed/1", "trainer.epochs=4", "-q")
    assert code == 0, err
    assert (result("packed", 1)["steps"], result("packed", 1)["status"]) == (16, "completed")
    assert "packed" not in result("packed", 1)["environment"]
    code, out, err = dlrun("share", "packed/0", "-o", "shared.yaml")
    assert code == 0, err


def test_a_point_that_diverges_is_a_row_and_the_others_go_on(dlrun: Dlrun) -> None:
    words = ("dataset=diabetes", "dataset.standardise_target=false", "model=linear", "optimizer=sgd")
    words = (*words, "trainer.epochs=4", "trainer.batch_size=32")
    rows = sweep(dlrun, "packed", *words, "optimizer.lr=0.01,1000,0.02", code=4)
    assert [row["status"] for row in rows] == ["completed", "diverged", "completed"]
    assert rows[1]["exit_code"] == 4
    assert "no longer a finite number at step" in rows[1]["error"]
    assert result("packed", 1)["status"] == "diverged"
    assert (Path("packed") / "1" / "repro").is_dir()
    assert dlrun("replay", "packed/1")[0] == 4
    alone = sweep(dlrun, "alone", *words, "optimizer.lr=0.01,0.02", pack="off")
    assert rows[2]["metrics"] == pytest.approx(alone[1]["metrics"], rel=1e-4)


def test_a_point_that_stalls_stops_alone(dlrun: Dlrun) -> None:
    words = (*IRIS, "trainer.epochs=12", "trainer.early_stop.patience=2", "optimizer=sgd")
    rows = sweep(dlrun, "packed", *words, "optimizer.lr=1e-12,0.1")
    alone = sweep(dlrun, "alone", *words, "optimizer.lr=1e-12,0.1", pack="off")
    assert [result("packed", row["point"])["epochs"] for row in rows] == [3, result("alone", 1)["epochs"]]
    assert rows[1]["metrics"] == pytest.approx(alone[1]["metrics"], abs=1e-4)


def test_a_signal_saves_every_point_and_each_resumes_alone(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    advance, calls = Block.advance, []

    def stopping(block: Block, until: int, stop: StopRequest) -> None:
        calls.append(until)
        if len(calls) == 2:
            stop._request_stop(signal.SIGTERM, None)
        advance(block, until, stop)

    with monkeypatch.context() as patched:
        patched.setattr(Block, "advance", stopping)
        rows = sweep(dlrun, "packed", *IRIS, "optimizer.lr=0.1,0.01", code=143)
    assert [row["status"] for row in rows] == ["interrupted", "interrupted"]
    assert all(result("packed", point)["status"] == "interrupted" for point in (0, 1))
    assert CheckpointStore(Path("packed/0/checkpoints")).steps() == [4]
    code, _, err = dlrun("resume", "packed/0", "-q")
    assert code == 0, err
    assert (result("packed", 0)["steps"], result("packed", 0)["status"]) == (12, "completed")
    sweep(dlrun, "alone", *IRIS, "optimizer.lr=0.1,0.01", pack="off")
    assert result("packed", 0)["metrics"] == pytest.approx(result("alone", 0)["metrics"], abs=1e-4)


def test_a_time_limit_stops_each_point_after_saving_it(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StopRequest, "is_time_up", property(lambda self: self.deadline is not None))
    rows = sweep(dlrun, "packed", *IRIS, "optimizer.lr=0.1,0.01", "trainer.max_time=1h")
    assert [row["status"] for row in rows] == ["interrupted", "interrupted"]
    assert "(trainer.max_time); dlrun resume continues the run." in str(rows[0]["error"])


def test_halving_stops_points_of_a_pack(dlrun: Dlrun) -> None:
    words = (*IRIS, "trainer.epochs=9", "optimizer=sgd", "optimizer.lr=1,0.1,1e-9,1e-10", "search.prune=halving")
    statuses = {row["overrides"][0]: row["status"] for row in sweep(dlrun, "packed", *words, "launch.jobs=2")}
    assert statuses["optimizer.lr=0.1"] == "completed" or statuses["optimizer.lr=1"] == "completed"
    assert set(statuses.values()) <= {"completed", "pruned"}


def test_a_dropout_of_zero_is_another_architecture(dlrun: Dlrun, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = dlrun("-m", *ONE, *IRIS, "model.dropout=0.1,0.4,0", "hydra.sweep.dir=packed", "launch.pack=on")
    assert code == 0, err
    assert "notice: not packed: 1 (its model has other layers)" in err
    packed = [result("packed", point)["environment"].get("packed") for point in (0, 1, 2)]
    assert packed == [2, 2, None]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("dataset=digits", "model=cnn", "model.channels=[4]", "model.norm=batch"), "batch normalisation keeps"),
        (("dataset=digits", "model=rnn", "model.hidden=8"), "torch.func cannot map its model"),
    ],
)
def test_what_cannot_be_packed_is_trained_alone_and_says_why(dlrun: Dlrun, words: tuple[str, ...], why: str) -> None:
    code, _, err = dlrun(
        "-m", *ONE, *words, "trainer.max_steps=2", "seed=0,1", "hydra.sweep.dir=packed", "launch.pack=on"
    )
    assert code == 0, err
    assert "notice: not packed: 2 (" in err
    assert why in err
    assert [result("packed", point)["status"] for point in (0, 1)] == ["completed", "completed"]


def test_a_point_that_cannot_be_built_is_a_row_of_its_own(dlrun: Dlrun) -> None:
    words = ("dataset=iris", "model=mlp", "trainer.epochs=1", "optimizer=sgd", "optimizer.nesterov=true")
    rows = sweep(dlrun, "packed", *words, "optimizer.momentum=0.5,0,0.9", code=2)
    assert [row["status"] for row in rows] == ["completed", "failed", "completed"]
    assert "Nesterov momentum needs optimizer.momentum above 0." in rows[1]["error"]


def test_a_model_of_the_users_own_is_packed(dlrun: Dlrun, own_folder: Path) -> None:
    own_folder.joinpath("twice.py").write_text(
        "import torch\nfrom torch import nn\n\n\nclass Twice(nn.Module):\n"
        "    def __init__(self, n, k):\n        super().__init__()\n        self.scale = nn.Parameter(torch.ones(n))\n"
        "        self.head = nn.Linear(n, k)\n\n    def forward(self, x):\n"
        "        return self.head(torch.sin(x * self.scale))\n\n\n"
        "def twice(spec):\n    return Twice(spec.num_features, spec.num_outputs)\n"
    )
    words = ("--plugin", "twice.py", "dataset=iris", "model=twice", "seed=0,1", "trainer.epochs=2")
    sweep(dlrun, "packed", *words)
    sweep(dlrun, "alone", *words, pack="off")
    for point in (0, 1):
        assert result("packed", point)["environment"]["packed"] == 2
        assert result("packed", point)["metrics"] == pytest.approx(result("alone", point)["metrics"], abs=1e-4)


def test_a_pack_that_outgrows_the_memory_names_the_way_out(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(block: Block, until: int, stop: StopRequest) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    with monkeypatch.context() as patched:
        patched.setattr(Block, "advance", failing)
        rows = sweep(dlrun, "packed", *IRIS, "optimizer.lr=0.1,0.01", code=2)
    assert [row["status"] for row in rows] == ["failed", "failed"]
    assert "2 models at once do not fit the memory; train each by itself." in rows[0]["error"]
    assert result("packed", 0)["status"] == "failed"
