"""What the points of a sweep share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError
from dlrun.runs.sweeps.saved.shared import asked_for, read_result, read_shared
from tests.sweep_folders import CONFIG, RESULT, write_run


def test_shared_values_that_are_not_defaults_and_were_not_swept(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name) for name in "ab"]
    (runs[1] / "config.yaml").write_text(CONFIG.replace("lr: 0.01", "lr: 0.02"))
    shared = read_shared(runs, swept=["optimizer.lr"])
    assert shared.configuration == {
        "dataset": "iris",
        "model": "mlp",
        "model.hidden": [64],
        "optimizer": "adam",
        "trainer.epochs": 7,
    }
    assert shared.facts["rows"] == "train 108, val 12"
    assert shared.facts["packages"] == "numpy 2.4"
    assert shared.notices == []
    swept = read_shared(runs, swept=["optimizer", "model"])
    assert swept.configuration == {"dataset": "iris", "trainer.epochs": 7}


def test_facts_that_differ_are_named(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name) for name in "ab"]
    environment = {**RESULT["environment"], "torch": "2.12.0"}  # type: ignore[dict-item]
    (runs[1] / "result.json").write_text(json.dumps({**RESULT, "environment": environment}))
    shared = read_shared(runs)
    assert shared.differs == {"torch": 2}
    assert "torch" not in shared.facts


def test_what_rules_worked_out_counts_as_the_default(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (run / "config.yaml").write_text(CONFIG + "checkpoint: {name: default, every_epochs: 3}\n")
    assert "checkpoint.every_epochs" in asked_for(run, {}, Catalog())
    assert "checkpoint.every_epochs" not in asked_for(
        run, {"auto": {"checkpoint.every_epochs": 3, "no.key": 1}}, Catalog()
    )


def test_every_field_of_an_option_that_is_not_known_is_returned(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (run / "config.yaml").write_text(CONFIG.replace("name: mlp", "name: my_plugin"))
    found = asked_for(run, {}, Catalog())
    assert (found["model"], found["model.hidden"]) == ("my_plugin", [64])


def test_configurations_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name) for name in "abc"]
    (runs[0] / "config.yaml").write_text("!!python/object:os.system {}")
    (runs[1] / "config.yaml").unlink()
    (runs[1] / "config.yaml").symlink_to(runs[2] / "config.yaml")
    shared = read_shared(runs)
    assert shared.notices == ["the configuration of 2 points was not read"]
    with pytest.raises(ConfigError, match="it is a link, which is not followed"):
        asked_for(runs[1], {}, Catalog())


@pytest.mark.parametrize("content", ["[]", "{", "1", "[" * 100_000])
def test_a_result_that_is_none_is_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_text(content)
    assert read_result(tmp_path) == {}
    (tmp_path / "result.json").unlink()
    (tmp_path / "result.json").symlink_to("/etc/hostname")
    assert read_result(tmp_path) == {}
