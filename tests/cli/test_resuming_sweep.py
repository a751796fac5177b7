"""dlrun.cli.resuming_sweep: what `dlrun resume SWEEP_DIR` needs, and what it refuses in words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SHORT

Dlrun = Callable[..., tuple[int, str, str]]


def write_ledger(folder: Path, *words: str, **others: object) -> None:
    """Write the ledger of a sweep with one command."""
    command = {
        "words": list(words), "hydra": [], "multirun": True, "plugins": {}, "config_dirs": [],
        "started_in": str(Path.cwd()), "dlrun": "0.1.0", **others,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "sweep.json").write_text(json.dumps({"format": 1, "commands": [command]}))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("optimizer.lr=1",), "optimizer.lr=1\n      A sweep keeps its points: only launch.*, search.trials and"),
        (("recipe=mlp_digits",), "recipe=mlp_digits\n      A sweep keeps its points"),
        (("hydra.sweep.dir=x",), "hydra.sweep.dir=x\n      A sweep keeps its points"),
        (("launch.jobs=no",), 'launch.jobs=no\n      Expected a whole number from 1 to 1024 or auto, got "no".'),
        (("launch.jbos=1",), 'Did you mean "launch.jobs"?'),
    ],
)
def test_only_how_points_are_run_may_change(dlrun: Dlrun, words: tuple[str, ...], message: str) -> None:
    write_ledger(Path("swept"), *SHORT, "seed=0,1")
    code, _, err = dlrun("resume", "swept", *words)
    assert code == 2
    assert "Cannot go on with this sweep" in err
    assert message in err


def test_a_sweep_without_a_ledger_names_what_to_type(dlrun: Dlrun) -> None:
    Path("swept").mkdir()
    Path("swept/sweep.jsonl").write_text("")
    code, _, err = dlrun("resume", "swept")
    assert code == 2
    assert "kept no ledger. Type its -m command again, with hydra.sweep.dir=swept." in " ".join(err.split())


def test_code_and_options_of_files_are_given_again(dlrun: Dlrun, own_folder: Path) -> None:
    write_ledger(Path("swept"), *SHORT, plugins={"/somewhere/mine.py": "abc"}, config_dirs=["/elsewhere"])
    code, _, err = dlrun("resume", "swept")
    assert code == 2
    assert "This sweep used files of yours: add --plugin /somewhere/mine.py --config-dir /elsewhere" in err


def test_what_hydra_launched_is_launched_by_the_command(dlrun: Dlrun) -> None:
    write_ledger(Path("swept"), *SHORT, hydra=["hydra/launcher=joblib"])
    code, _, err = dlrun("resume", "swept")
    assert code == 2
    assert "Hydra launched this sweep (hydra/launcher=joblib). Type its -m command again" in err


def test_a_saved_sweep_fetches_no_recipe(dlrun: Dlrun) -> None:
    write_ledger(Path("swept"), "recipe=https://example.org/a.yaml", "seed=0,1")
    code, _, err = dlrun("resume", "swept")
    assert code == 2
    assert "recipe=https://example.org/a.yaml\n      A saved sweep fetches nothing. Type its -m command again" in err


def test_relative_paths_count_from_where_the_sweep_was_started(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("dataset=table", "dataset.path=data.csv", "dataset.target=b", "recipe=./mine.yaml", "seed=0,1")
    write_ledger(own_folder / "swept", *words, started_in="/where/it/began")
    code, _, err = dlrun("resume", "swept")
    assert code == 2
    for word in ("dataset.path=data.csv", "recipe=./mine.yaml"):
        where = "This path counts from /where/it/began, where the sweep was started: go there, and resume it."
        assert f"{word}\n      {where}" in err


def test_every_command_of_the_sweep_goes_on_and_one_table_is_printed(dlrun: Dlrun, own_folder: Path) -> None:
    words = (*SHORT, "launch.jobs=1", "hydra.sweep.dir=swept", "--quiet")
    assert dlrun("-m", *words, "optimizer.lr=0.1,0.01")[0] == 0
    code, table, err = dlrun("-m", *words, "optimizer.lr=0.001")
    assert code == 0
    assert "has a sweep of 2 points: the points of this command that are not among them are added." in err
    assert [line.split()[1] for line in sorted(table.splitlines()[1:4])] == ["0.1", "0.01", "0.001"]
    (own_folder / "swept/0/result.json").unlink()
    (own_folder / "swept/2/result.json").unlink()
    (own_folder / "away").mkdir()
    os.chdir(own_folder / "away")
    code, again, err = dlrun("resume", "../swept", "--quiet")
    assert code == 0, err
    assert sorted(line.split()[:3] for line in again.splitlines()[1:4]) == sorted(
        line.split()[:3] for line in table.splitlines()[1:4]
    )
    for name in ("0", "2"):
        assert json.loads((own_folder / "swept" / name / "result.json").read_text())["status"] == "completed"
