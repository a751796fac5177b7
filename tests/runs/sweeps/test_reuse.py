"""dlrun.runs.sweeps.reuse: only a run that was trained to the same bytes is taken over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError
from dlrun.runs.sweeps.identity import Fingerprints
from dlrun.runs.sweeps.reuse import EarlierRuns, require_folder
from tests.conftest import SHORT


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    require_folder(tmp_path)
    with pytest.raises(ConfigError, match=r"There is no such folder\. Expected one with runs") as caught:
        require_folder(tmp_path / "gone")
    assert f"launch.reuse={tmp_path / 'gone'}" in str(caught.value)


def test_a_run_is_found_by_what_it_was_trained_to(short_run: Callable[..., Path], own_folder: Path) -> None:
    short_run("runs/mine")
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(SHORT, catalog), catalog)
    config = compose(plan, catalog).config
    fingerprints = Fingerprints(catalog)

    def find() -> object:
        found = EarlierRuns(own_folder, catalog, besides=own_folder / "own").find(config, fingerprints, threads=None)
        return found if isinstance(found, str) else found[0]

    folder = own_folder / "runs/mine"
    said = f"{folder} is of the same configuration but not taken over: "
    assert find() == folder
    result = json.loads((folder / "result.json").read_text())

    def edited(**changes: object) -> object:
        (folder / "result.json").write_text(json.dumps({**result, **changes}))
        return find()

    assert edited(status="interrupted") == ""
    assert edited(requested_sha256="other") == ""
    assert edited(environment={**result["environment"], "threads": 7}) == f"{said}threads 7 → 1"
    assert edited(dataset={**result["dataset"], "fingerprint": "other"}) == f"{said}it was trained on other data"
    assert edited() == folder
    config_text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config_text.replace("format: 1", "format: 1, plugins: {mine.py: abc}"))
    assert find() == f"{said}it was trained with other plugins"
    (folder / "config.yaml").write_text("a: {")
    assert find() == f"{said}its config.yaml cannot be read"
    (folder / "config.yaml").write_text(config_text)
    (folder / "checkpoints" / "best").unlink()
    assert find() == f"{said}its checkpoints are gone"


def test_the_own_folder_of_a_sweep_is_left_out(short_run: Callable[..., Path], own_folder: Path) -> None:
    short_run("sweep/0")
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(SHORT, catalog), catalog)
    earlier = EarlierRuns(own_folder, catalog, besides=own_folder / "sweep")
    assert earlier.find(compose(plan, catalog).config, Fingerprints(catalog), threads=None) == ""
