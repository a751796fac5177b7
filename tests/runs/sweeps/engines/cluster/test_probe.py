"""dlrun.runs.sweeps.engines.cluster.probe: what a machine lacks is told before the first point."""

from __future__ import annotations

import dataclasses
import fcntl
import pickle
from pathlib import Path

import pytest

from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, StorageError
from dlrun.runs.sweeps.engines.cluster import probe as probing
from dlrun.runs.sweeps.engines.cluster.probe import Findings, Needs, Probe, check_findings, make_probe, versions
from tests.runs.sweeps.engines.cluster.sweeps import plans

_PLUGIN = "def mine(spec, *, width: int = 4):\n    '''Mine.'''\n"


def a_probe(folder: Path, needs: Needs | None = None) -> Probe:
    return make_probe(needs or Needs.of_sweep(folder, plans("seed=0,1"), Catalog()), folder)


def problems(probe: Probe) -> list[str]:
    return list(pickle.loads(pickle.dumps(probe))().problems)  # noqa: S301 - as a cluster does


def test_a_machine_that_shares_everything_has_no_problem(tmp_path: Path) -> None:
    found = a_probe(tmp_path)()
    assert (list(found.problems), found.versions) == ([], versions())
    check_findings([found, found], where="launch.engine=ray")


def test_what_decides_bytes_is_compared() -> None:
    assert {"python", "dlrun", "the code of dlrun", "torch", "numpy", "safetensors"} <= set(versions())


def test_a_folder_that_is_not_shared_is_told(tmp_path: Path) -> None:
    probe = a_probe(tmp_path)
    probe.token_file.unlink()
    assert problems(probe) == [f"{tmp_path}: the sweep's folder is not on a file system that it shares."]
    probe.token_file.write_text("of another machine")
    assert problems(probe) == [f"{tmp_path}/probe: it has another file of this name: the folder is not shared."]


def test_a_folder_without_locks_is_told(tmp_path: Path) -> None:
    probe = a_probe(tmp_path)
    with probe.token_file.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        (told,) = problems(probe)
    assert told.startswith(f"{tmp_path}/probe: cannot be read, written and locked: [Errno 11]")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="missing/probe"):
        make_probe(Needs(tmp_path, tmp_path, []), tmp_path / "missing")


def test_a_missing_working_folder_is_told(tmp_path: Path) -> None:
    needs = dataclasses.replace(Needs.of_sweep(tmp_path, [], Catalog()), cwd=tmp_path / "gone")
    (told,) = problems(a_probe(tmp_path, needs))
    assert told.startswith(f"{tmp_path}/gone: the folder in which the sweep was started is not there:")


def test_missing_and_other_plugins_and_folders_are_told(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(_PLUGIN)
    (tmp_path / "other.py").write_text(_PLUGIN.replace("mine", "other"))
    (tmp_path / "options").mkdir()
    catalog = Catalog(plugins=[tmp_path / "mine.py", tmp_path / "other.py"], config_dirs=[tmp_path / "options"])
    probe = a_probe(tmp_path, Needs.of_sweep(tmp_path, [], catalog))
    assert problems(probe) == []
    (tmp_path / "mine.py").unlink()
    (tmp_path / "other.py").write_text(_PLUGIN.replace("mine", "other") + "\n")
    (tmp_path / "options").rmdir()
    assert problems(probe) == [
        f"{tmp_path}/options: this folder of --config-dir is not there.",
        f"{tmp_path}/mine.py: this plugin is not there.",
        f"{tmp_path}/other.py: this plugin has other content there.",
    ]


def test_data_that_a_configuration_names_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    words = ("dataset=table", "dataset.path=rows.csv", "dataset.target=b", "seed=0,1")
    probe = a_probe(tmp_path, Needs.of_sweep(tmp_path, plans(*words), Catalog()))
    assert problems(probe) == []
    (tmp_path / "rows.csv").unlink()
    assert problems(probe) == ["dataset.path=rows.csv: there is no such file or folder."]


def test_other_versions_are_told_with_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        probing, "versions", lambda: {"python": "3.11.7", "torch": "2.13.0", "pyarrow": "not installed"}
    )
    there = Findings("node7", (), {"python": "3.11.7", "torch": "2.12.1"})
    with pytest.raises(ConfigError) as caught:
        check_findings([Findings("node6", (), probing.versions()), there], where="launch.engine=ray")
    assert str(caught.value) == (
        "A machine of the cluster cannot run the points:\n"
        "  launch.engine=ray\n"
        "      On node7:\n"
        "        torch: 2.12.1 there, 2.13.0 here.\n"
        "        Points would come out differently: use the same environment on both."
    )
    assert [problem.id for problem in caught.value.problems] == ["cluster"]


def test_several_machines_are_told_at_once() -> None:
    found = [Findings(name, ("it lacks a disk.",), versions()) for name in ("node1", "node2")]
    with pytest.raises(ConfigError, match=r"^2 machines of the cluster cannot run the points:\n") as caught:
        check_findings(found, where="launch.engine=ray")
    assert "On node1:\n        it lacks a disk." in str(caught.value)
    assert "On node2:" in str(caught.value)
