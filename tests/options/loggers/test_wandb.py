"""dlrun.options.loggers.wandb: whole runs offline, read back from the records on the disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dlrun.options.loggers import _remote
from tests.conftest import SHORT
from tests.wandb_records import key_of, records

pytest.importorskip("wandb", reason="needs dlrun[wandb]")
Dlrun = Callable[..., tuple[int, str, str]]
GAN = (
    "dataset=digits",
    "dataset.limit=200",
    "model=gan",
    "trainer.epochs=1",
    "trainer.log_every=1",
    "device.threads=1",
)


@pytest.fixture(autouse=True)
def no_process_stays() -> Iterator[None]:
    yield
    _remote._close_all()


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"history": {}, "summary": {}, "files": []}
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found |= {
                "id": record.run.run_id,
                "config": {key_of(item): item.value_json for item in record.run.config.update},
            }
        if kind == "history":
            row = {key_of(item): json.loads(item.value_json) for item in record.history.item}
            found["history"][row["_step"]] = row
        if kind == "summary":
            found["summary"].update({key_of(item): item.value_json for item in record.summary.update})
        if kind == "files":
            found["files"] += [each.path for each in record.files.files]
        if kind == "exit":
            found["exit"] = record.exit.exit_code
    return found


def test_a_gan_and_its_resumption_are_one_tracked_run(dlrun: Dlrun, own_folder: Path) -> None:
    assert dlrun(*GAN, "logger=wandb", "logger.project=mine", "hydra.run.dir=run", "-q")[0] == 0
    code, _, err = dlrun("resume", "run", "trainer.epochs=2", "-q")
    assert (code, "notice" in err) == (0, False)
    parts = [read(path) for path in sorted(Path("run/wandb").glob("offline-run-*/*.wandb"))]
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert [part["id"] for part in parts] == 2 * [json.loads(Path("run/trackers/wandb.json").read_text())["id"]]
    steps = [list(part["history"]) for part in parts]
    assert sorted({*steps[0], *steps[1]}) == sorted({row["step"] for row in rows})
    assert not {*steps[0]} & {*steps[1]}
    for row in rows:
        name = "val/frechet_distance" if "val/frechet_distance" in row else "lr"
        assert {**parts[0]["history"], **parts[1]["history"]}[row["step"]][name] == row[name]
    for part, epoch in zip(parts, (1, 2), strict=True):
        assert part["exit"] == 0
        assert json.loads(part["config"]["trainer"])["epochs"] == epoch
        assert "logger" not in part["config"]
        (pictures,) = [row["samples.filenames"] for row in part["history"].values() if "samples.filenames" in row]
        assert len(pictures) == 1
        assert {"dlrun-config.yaml", "dlrun-result.json", *pictures} <= set(part["files"])
    result = json.loads(Path("run/result.json").read_text())
    assert json.loads(parts[1]["summary"]["final/test/confidence"]) == result["metrics"]["test/confidence"]


def test_two_at_once_have_the_same_rows(dlrun: Dlrun, own_folder: Path) -> None:
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")
    assert dlrun(*SHORT, "logger=[wandb,tensorboard]", "trainer.log_every=1", "hydra.run.dir=run")[0] == 0
    (path,) = Path("run/wandb").glob("offline-run-*/*.wandb")
    board = reading.EventAccumulator("run/tensorboard")
    board.Reload()
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    losses = [row["val/loss"] for row in rows if "val/loss" in row]
    assert [each.value for each in board.Scalars("val/loss")] == pytest.approx(losses, rel=1e-6)  # 32 bits
    assert [row["val/loss"] for row in read(path)["history"].values() if "val/loss" in row] == losses
