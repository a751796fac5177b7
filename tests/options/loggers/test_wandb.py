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


def test_a_run_and_its_resumption_are_one_tracked_run(dlrun: Dlrun, own_folder: Path) -> None:
    from PIL import Image

    Path("run/samples").mkdir(parents=True)
    for epoch in (1, 3):  # as a GAN writes them
        Image.new("RGB", (6, 4), "red").save(f"run/samples/epoch-{epoch:04d}.png")
    words = (*SHORT, "trainer.log_every=1", "logger=[wandb]", "hydra.run.dir=run", "-q")
    assert dlrun(*words)[0] == 0
    code, _, err = dlrun("resume", "run", "trainer.epochs=3", "-q")
    assert (code, "notice" in err) == (0, False)
    parts = [read(path) for path in sorted(Path("run/wandb").glob("offline-run-*/*.wandb"))]
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert [part["id"] for part in parts] == 2 * [json.loads(Path("run/trackers/wandb.json").read_text())["id"]]
    assert [list(part["history"]) for part in parts] == [list(range(1, 9)), list(range(9, 13))]
    tracked = {**parts[0]["history"], **parts[1]["history"]}
    for row in rows:
        name = "val/loss" if "val/loss" in row else "lr"
        assert tracked[row["step"]][name] == row[name]
    for part, epochs in zip(parts, (2, 3), strict=True):
        assert part["exit"] == 0
        assert json.loads(part["config"]["trainer"])["epochs"] == epochs
        assert "logger" not in part["config"]
        (pictures,) = [row["samples.filenames"] for row in part["history"].values() if "samples.filenames" in row]
        assert len(pictures) == 1
        assert {"dlrun-config.yaml", "dlrun-result.json", *pictures} <= set(part["files"])
    result = json.loads(Path("run/result.json").read_text())
    assert json.loads(parts[1]["summary"]["final/test/accuracy"]) == result["metrics"]["test/accuracy"]
