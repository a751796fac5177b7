"""dlrun.runs.history: runs read back from their folders, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.history import (
    Begun,
    SavedRun,
    as_trained,
    check_configuration,
    differing,
    find_runs,
    is_number,
    read_run,
    threads_of,
)


def saved(name: str, *, dataset: str = "iris", lr: float = 0.1, **result: Any) -> SavedRun:
    config = {"dataset": {"name": dataset}, "optimizer": {"name": "adam", "lr": lr}, "recipe": {"title": name}}
    return SavedRun(Path(name), config, {"status": "completed", **result})


def best(metric: str, value: float) -> dict[str, Any]:
    return {"metric": metric, "value": value, "epoch": 1, "step": 1}


def write(folder: Path, *, locked: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 3\n")
    if locked:
        (folder / ".lock").touch()
    return folder


def test_metrics_are_the_final_ones_and_the_best_evaluations() -> None:
    run = saved("a", metrics={"test/loss": 0.5}, best=best("val/loss", 0.4))
    assert run.metrics == {"test/loss": 0.5, "val/loss": 0.4}
    assert saved("a", metrics={"val/loss": 0.5}, best=best("val/loss", 0.4)).metrics == {"val/loss": 0.5}
    assert saved("a").metrics == {}


def test_a_run_is_read_with_its_result(tmp_path: Path) -> None:
    folder = write(tmp_path / "a")
    (folder / "result.json").write_text(json.dumps({"status": "completed"}))
    run = read_run(folder)
    assert (run.folder, run.config, run.result) == (folder, {"seed": 3}, {"status": "completed"})


@pytest.mark.parametrize("content", [None, '{"status": "comp'])
def test_a_run_without_a_whole_result_is_unfinished(tmp_path: Path, content: str | None) -> None:
    folder = write(tmp_path / "a")
    if content is not None:
        (folder / "result.json").write_text(content)
    assert read_run(folder).result == {"status": "unfinished"}


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no run in this folder: it has no config\.yaml\. `dlrun runs`"):
        read_run(tmp_path)


def test_runs_are_found_below_a_folder_but_not_in_links_hidden_folders_or_too_deep(tmp_path: Path) -> None:
    expected = [write(tmp_path / "a" / "1"), write(tmp_path / "b")]
    write(tmp_path / "b" / "inside_a_run")
    write(tmp_path / ".hidden")
    write(tmp_path / "recipe_only", locked=False)
    (tmp_path / "link").symlink_to(tmp_path / "b")
    write(tmp_path / "1/2/3/4/5/6/7")
    deepest = write(tmp_path / "2/2/3/4/5/6")
    assert list(find_runs(tmp_path)) == [deepest, *expected]


def test_keys_that_differ_have_one_value_per_run_and_the_recipe_block_does_not_count() -> None:
    runs = [saved("a"), saved("b", lr=0.2), SavedRun(Path("c"), {"dataset": {"name": "iris"}}, {})]
    assert differing([run.config for run in runs]) == {
        "optimizer.name": ["adam", "adam", None],
        "optimizer.lr": [0.1, 0.2, None],
    }
    assert differing([runs[0].config]) == {}


def test_a_process_that_trained_alone_had_all_of_the_model() -> None:
    alone, several = ({"device": {"processes": number, "strategy": "auto"}} for number in (1, 2))
    assert as_trained(alone) == {"device": {"processes": 1, "strategy": "ddp"}}
    assert alone["device"]["strategy"] == "auto"
    assert as_trained(several) == several
    assert as_trained({}) == {}


def test_it_imports_no_torch() -> None:
    code = "import sys, dlrun.runs.history; print(sorted({'torch', 'numpy', 'hydra'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "result",
    [
        "[]", '"x"', '{"status": 3}', '{"status": "completed", "best": {}}', '{"status": "completed", "metrics": [1]}',
        '{"status": "completed", "metrics": {"test/x": "high"}}', '{"status": "completed", "seconds": {"total": NaN}}',
    ],
)  # fmt: skip
def test_a_result_that_is_none_counts_as_damaged(tmp_path: Path, result: str) -> None:
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    (tmp_path / "result.json").write_text(result)
    assert read_run(tmp_path).result == {"status": "damaged"}


def test_a_configuration_that_is_not_a_runs_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    with pytest.raises(ConfigError, match="does not name a dataset, a model and an optimizer with lr"):
        check_configuration(read_run(tmp_path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("device: {name: cpu, threads: 2}", Begun(2)),
        ("device: {name: cpu, threads: null}", Begun(None)),  # of a version that left it to torch
        ("device: {name: cpu, threads: auto}", None),
        ("device: {name: cpu}", None),
        ("device: cpu", None),
        ("seed: 0", None),
    ],
)
def test_a_folder_says_with_how_many_threads_its_run_began(text: str, expected: Begun | None, tmp_path: Path) -> None:
    assert threads_of(tmp_path) is None
    (tmp_path / "config.yaml").write_text(text)
    assert threads_of(tmp_path) == expected


def test_a_number_is_finite_and_no_truth_value() -> None:
    assert [is_number(value) for value in (1, -0.5, True, None, "1", float("nan"), float("inf"), 10**301)] == [
        True, True, False, False, False, False, False, False,
    ]  # fmt: skip
