"""dlrun.runs.sweeps.identity: what decides the bytes of a run, compared with what is here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import dlrun.training.loading as loading
from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.environment import collect_numeric
from dlrun.runs.sweeps.identity import (
    Fingerprints,
    changed_environment,
    changed_versions,
    fingerprint_in,
    fingerprint_of_checkpoint,
    requested_sha256,
    torch_version,
)
from dlrun.version import __version__


def config_of(*words: str) -> RunConfig:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(words, catalog), catalog)
    return compose(plan, catalog).config


def test_the_version_of_torch_is_that_which_results_have() -> None:
    assert torch_version() == torch.__version__ == collect_numeric(1, "cpu")["torch"]


def test_what_a_result_says() -> None:
    assert requested_sha256({"requested_sha256": "a", "config_sha256": "b"}) == "a"
    assert requested_sha256({"config_sha256": "b"}) == "b"  # of an older version
    assert requested_sha256({}) is None
    assert fingerprint_in({"dataset": {"fingerprint": "f"}}) == "f"
    assert fingerprint_in({}) is None


def test_versions_are_compared_without_importing_torch() -> None:
    here = {"torch": torch.__version__, "dlrun": __version__, "python": "2.7"}
    assert changed_versions({"environment": here}) == ""
    assert changed_versions({"environment": {**here, "torch": "1.0"}}) == f"torch 1.0 → {torch.__version__}"
    assert changed_versions({}) == f"torch none → {torch.__version__}, dlrun none → {__version__}"


def test_the_environment_has_the_threads_that_the_run_would_have() -> None:
    result = {"environment": collect_numeric(2, "cpu")}
    assert changed_environment(result, config_of("device=cpu", "device.threads=2"), threads=1) == ""
    torchs = config_of("device=cpu", "device.threads=null")
    assert changed_environment(result, torchs, threads=2) == ""
    assert changed_environment(result, torchs, threads=1) == "threads 2 → 1"
    own = torch.get_num_threads()
    assert (changed_environment(result, torchs, threads=None) == "") == (own == 2)


@pytest.mark.parametrize(
    ("before", "of_cores", "cores", "is_same"),
    [
        (1, 2, 1, True), (1, 2, 2, True), (1, 2, 16, True),  # it had two cores and wanted one
        (2, 2, 2, True), (2, 2, 4, False),  # it had two, and four may be better
        (2, 2, 1, False), (4, 6, 6, True), (4, 6, 4, True), (4, 6, 8, False), (4, 8, 16, True), (6, 6, 6, True),
    ],
)  # fmt: skip
def test_threads_by_rule_are_the_same_unless_the_cores_decide_them(
    before: int, of_cores: int, cores: int, *, is_same: bool
) -> None:
    result = {"environment": {**collect_numeric(before, "cpu"), "cores": of_cores}}
    changed = changed_environment(result, config_of("device=cpu"), threads=cores)
    assert changed == ("" if is_same else f"threads {before} → {cores}")
    del result["environment"]["cores"]
    assert (changed_environment(result, config_of("device=cpu"), threads=cores) == "") == (before == cores)


def test_a_run_that_was_trained_in_a_pack_may_have_other_bytes() -> None:
    result = {"environment": {**collect_numeric(2, "cpu"), "packed": 8}}
    assert changed_environment(result, config_of("device=cpu", "device.threads=2"), threads=2) == "packed 8 → none"


def test_data_is_read_once_and_data_that_is_gone_has_no_fingerprint(
    monkeypatch: pytest.MonkeyPatch, own_folder: Path
) -> None:
    loads: list[str] = []
    load_data = loading.load_data

    def noted(config: RunConfig, *others: Any) -> Any:
        loads.append(config.dataset.name)
        return load_data(config, *others)

    monkeypatch.setattr(loading, "load_data", noted)
    fingerprints = Fingerprints(Catalog())
    first = fingerprints.of(config_of("dataset=iris", "seed=0"))
    assert fingerprints.of(config_of("dataset=iris", "seed=1", "model=linear")) == first
    assert len(first) == 64
    assert loads == ["iris"]
    (own_folder / "gone.csv").write_text("a,b\n1,2\n")
    config = config_of("dataset=table", "dataset.path=gone.csv", "dataset.target=b")
    (own_folder / "gone.csv").unlink()
    assert fingerprints.of(config) == ""


def test_the_newest_checkpoint_names_its_data(tmp_path: Path) -> None:
    assert fingerprint_of_checkpoint(tmp_path) is None
    state = tmp_path / "checkpoints" / "step-4" / "state.json"
    state.parent.mkdir(parents=True)
    (tmp_path / "checkpoints" / "last").write_text("step-4\n")
    state.write_text(json.dumps({"about": {"fingerprint": "f"}}))
    assert fingerprint_of_checkpoint(tmp_path) == "f"
    state.write_text("[]")
    assert fingerprint_of_checkpoint(tmp_path) is None
