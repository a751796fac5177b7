"""`dlrun share`: a recipe of a run, what stays out of it, and `dlrun verify` of it in another folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.safe_yaml import read_yaml
from dlrun.data.files.paths import locate

Dlrun = Callable[..., tuple[int, str, str]]
ShortRun = Callable[..., Path]

LOCAL = ("device=cpu", "device.threads=1")
KINDS = {
    "a classifier": ("dataset=digits", "model=mlp", "model.hidden=[16]", "dataset.limit=200"),
    "a classifier with its defaults": ("dataset=wine",),
    "a regressor": ("dataset=diabetes", "model=mlp", "optimizer.lr=0.003", "seed=7"),
    "a recurrent network": ("dataset=digits", "model=rnn", "model.hidden=8", "dataset.limit=200"),
    "a GAN": (
        "dataset=digits",
        "model=gan",
        "model.generator_optimizer={lr: 0.0005}",
        "dataset.limit=200",
        "trainer.clip_norm=1",
    ),
    "a text classifier": ("dataset=text", "dataset.path=example:reviews.csv", "dataset.limit=100", "trainer.ema=0.5"),
    "a series": (
        "dataset=series",
        "dataset.path=example:weather.csv",
        "dataset.target=temperature",
        "dataset.limit=400",
    ),
    "a network with accumulated gradients": ("dataset=iris", "model=mlp", "trainer.accumulate=2"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shared_is_verified_in_another_folder(
    kind: str, dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*KINDS[kind], "trainer.max_steps=12", *LOCAL)
    code, _, err = dlrun(*words, "hydra.run.dir=mine", "--quiet")
    assert code == 0, err
    code, _, err = dlrun("share", "mine", "-o", "shared.yaml")
    assert code == 0, err
    result = json.loads(Path("mine/result.json").read_text())
    there = own_folder / "there"
    there.mkdir()
    shutil.move("shared.yaml", there / "renamed.yaml")
    monkeypatch.chdir(there)
    code, out, err = dlrun("verify", "renamed.yaml", "--json", "--quiet", *LOCAL)
    assert code == 0, err
    verdict = json.loads(out)
    assert (verdict["status"], verdict["environment_differs"]) == ("kept", {})
    assert verdict["measured"] == {name: result["metrics"][name] for name in verdict["promised"]}
    code, out, err = dlrun("verify", "renamed.yaml", "--json", "--quick", *LOCAL)
    assert code == 0, err
    verdict = json.loads(out)
    assert (verdict["status"], verdict["tolerance"]) == ("kept", 0.0)
    assert all(len(values) == 10 for values in verdict["measured"].values())
    assert set(verdict["measured"]) == ({"generator_loss", "discriminator_loss"} if kind == "a GAN" else {"loss"})
    code, out, _ = dlrun("diff", "renamed.yaml", str(own_folder / "mine"), "--json")
    differs = json.loads(out)
    assert differs["configuration"] == {}
    assert differs["replaced"] == {"device": [{"name": "auto"}, {"name": "cpu", "threads": 1}]}
    assert differs["lock"] == differs["data"] == differs["promise"] == {}


TABLE = ("dataset=table", "dataset.target=renewed", "trainer.max_steps=12", *LOCAL)


@pytest.fixture
def table(own_folder: Path) -> Path:
    """A table of the user's own, in a folder beside the current one."""
    path = own_folder / "private" / "customers.csv"
    path.parent.mkdir()
    shutil.copy(locate("example:people.csv"), path)
    (own_folder / "work").mkdir()
    os.chdir(own_folder / "work")
    return path


def test_a_sweep_over_seeds_of_an_own_table_is_verified_with_the_file_elsewhere(
    table: Path, dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*TABLE, f"dataset.path={table}", "seed=0,1,2")
    code, _, err = dlrun("-m", *words, "hydra.sweep.dir=seeds", "--quiet")
    assert code == 0, err
    code, out, err = dlrun("share", "seeds", "-o", "people.yaml")
    assert code == 0, err
    assert out == "people.yaml\nverify it: dlrun verify people.yaml dataset.path=FILE\n"
    assert "notice: left out dataset.path: the file is outside the current folder, or its path is absolute" in err
    assert "notice: left out device.threads: it belongs to this machine; the lock has it" in err
    text = Path("people.yaml").read_text()
    assert str(own_folder) not in text
    assert text.startswith("# dlrun recipe=./people.yaml dataset.path=FILE\n")
    recipe = read_yaml(Path("people.yaml"))
    assert recipe["dataset"] == {"name": "table", "target": "renewed"}
    assert recipe["recipe"]["seeds"] == [0, 1, 2]
    assert recipe["recipe"]["data"]["where"] == "customers.csv, 800 rows, of the person who shared this recipe"
    rows = [json.loads(line) for line in Path("seeds/sweep.jsonl").read_text().splitlines()]
    by_seed = {row["point"]: row["metrics"]["test/accuracy"] for row in rows}
    assert recipe["recipe"]["measured"]["test/accuracy"] == [by_seed[0], by_seed[1], by_seed[2]]
    assert "seed" not in recipe
    there = own_folder / "there"
    (there / "data").mkdir(parents=True)
    shutil.copy(table, there / "data/mine.csv")
    shutil.move("people.yaml", there)
    monkeypatch.chdir(there)
    code, _, err = dlrun("verify", "people.yaml", "--quiet", *LOCAL)
    assert (code, "dataset.path\n      This field is required; set dataset.path=..." in err) == (2, True)
    code, out, err = dlrun("verify", "people.yaml", "dataset.path=data/mine.csv", "--json", "--quiet", "seed=9", *LOCAL)
    assert (code, "seed=9\n      It changes what the recipe promises" in err) == (2, True)
    for flags in (("--quiet",), ("--quick",)):
        code, out, err = dlrun("verify", "people.yaml", "dataset.path=data/mine.csv", "--json", *flags, *LOCAL)
        assert (code, json.loads(out)["status"], json.loads(out)["environment_differs"]) == (0, "kept", {}), err


def test_files_of_its_own_for_validation_and_testing_are_named_for_the_receiver(table: Path, dlrun: Dlrun) -> None:
    """Leaving them out would hold out a share of the rows instead, without a word."""
    words = (*TABLE, f"dataset.path={table}", f"dataset.val={table}", f"dataset.test={table}")
    assert dlrun(*words, "hydra.run.dir=mine", "--quiet")[0] == 0
    code, out, _ = dlrun("share", "mine")
    assert code == 0
    assert "command: dlrun recipe=./tabular_table.yaml dataset.path=FILE dataset.val=FILE dataset.test=FILE\n" in out
    Path("shared.yaml").write_text(out)
    assert read_yaml(Path("shared.yaml"))["dataset"] == {
        "name": "table",
        "target": "renewed",
        "val": "???",
        "test": "???",
    }
    code, _, err = dlrun("recipe=./shared.yaml", f"dataset.path={table}")
    assert code == 2
    assert "dataset.val\n      This field is required; set dataset.val=..." in err


def test_a_file_below_the_current_folder_keeps_its_name(table: Path, dlrun: Dlrun) -> None:
    shutil.copy(table, "here.csv")
    assert dlrun(*TABLE, "dataset.path=here.csv", "hydra.run.dir=mine", "--quiet")[0] == 0
    code, out, _ = dlrun("share", "mine")
    assert code == 0
    assert "dataset: {name: table, path: here.csv, target: renewed}\n" in out
    Path("shared.yaml").write_text(out)
    Path("here.csv").write_text("".join(Path("here.csv").read_text().splitlines(keepends=True)[:-100]))
    code, _, err = dlrun("verify", "shared.yaml", "-q", *LOCAL, "hydra.run.dir=again")
    assert code == 3
    assert "this is not the data that the promise was measured on (its fingerprint differs)" in err
    assert "That has 576 train rows, 64 val rows, 160 test rows; this has 504 train rows" in err
    assert "Where to get it: here.csv, 800 rows, of the person who shared this recipe." in err
    assert not Path("again").exists()
    code, _, err = dlrun("verify", "shared.yaml", "--quick", *LOCAL)
    assert (code, "its fingerprint differs" in err) == (3, True)
    code, _, err = dlrun("share", "mine")  # whose data has changed since
    assert code == 0
    assert "notice: the recipe has no losses of its first steps: the data has changed since the run" in err
    Path("here.csv").unlink()
    _, _, err = dlrun("share", "mine")
    assert "the recipe has no losses of its first steps: here.csv: there is no such file." in err


def test_what_belongs_to_a_machine_stays_out(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run(
        "mine", "logger=none", "checkpoint.keep=5", "trainer.log_every=1", "trainer.max_time=9h", "trainer.workers=0"
    )
    code, out, err = dlrun("share", "mine")
    assert code == 0
    assert "\ndataset: {name: iris}\nmodel: {name: linear}\ntrainer: {epochs: 2, batch_size: 32}\n" in out
    assert "left out checkpoint: it changes no result" in err
    assert "left out trainer.log_every: it changes no result" in err
    assert "left out trainer.max_time: it belongs to this machine" in err
    assert "left out device: it belongs to this machine; the lock has the one that was used" in err


def test_without_a_file_the_recipe_is_all_of_standard_output(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("mine")
    code, out, err = dlrun("share", "mine")
    assert code == 0
    assert out.startswith("# dlrun recipe=./linear_iris.yaml\nrecipe:\n  format: 1\n  title: linear on iris\n")
    assert "training the first steps again" in err
    assert dlrun("share", "mine", "--quiet")[1:] == (out, err.replace(err.splitlines()[-1] + "\n", ""))
    Path("mine.yaml").write_text("taken")
    code, _, err = dlrun("share", "mine", "-o", "mine.yaml")
    assert (code, "mine.yaml\n      The file exists; choose another name." in err) == (2, True)
    code, _, err = dlrun("share", "mine", "-o", "nowhere/mine.yaml")
    assert (code, "The file cannot be written (No such file or directory)." in err) == (2, True)


def test_the_losses_of_several_processes_are_those_of_one(short_run: ShortRun, dlrun: Dlrun) -> None:
    path = short_run("mine") / "result.json"
    result = json.loads(path.read_text())
    result["environment"] |= {"processes": 2, "strategy": "ddp"}
    path.write_text(json.dumps(result))
    code, out, err = dlrun("share", "mine")
    assert (code, "no losses of its first steps" in err) == (0, False)
    assert "    processes: 2\n" in out
    assert "  losses:\n    loss: [" in out


def test_an_edited_configuration_is_not_what_was_measured(short_run: ShortRun, dlrun: Dlrun) -> None:
    path = short_run("mine") / "config.yaml"
    path.write_text(path.read_text().replace("batch_size: 32", "batch_size: 16"))
    code, _, err = dlrun("share", "mine")
    assert code == 2
    assert "config.yaml is not the configuration that was measured" in err


def test_losses_are_left_out_where_the_environment_is_not_that_of_the_run(short_run: ShortRun, dlrun: Dlrun) -> None:
    path = short_run("mine") / "result.json"
    result = json.loads(path.read_text())
    result["environment"]["torch"] = "2.10.0"
    path.write_text(json.dumps(result))
    code, out, err = dlrun("share", "mine")
    assert code == 0
    assert "this is not the environment of the run (torch 2.10.0 → " in err
    assert "losses:" not in out
    Path("mine.yaml").write_text(out)
    code, _, err = dlrun("verify", "mine.yaml", "--quick")
    assert code == 2
    assert "This recipe has no recipe.losses, those of the first steps" in err


PLUGIN = """\
from torch import nn


def tiny(spec, *, width: int = 4, api_key: str = "", cache: str = ""):
    '''Mine.'''
    return nn.Sequential(nn.Linear(spec.num_features, width), nn.ReLU(), nn.Linear(width, spec.num_outputs))
"""


def test_plugins_are_named_with_their_hashes_and_secrets_stay_out(short_run: ShortRun, dlrun: Dlrun) -> None:
    Path("tiny.py").write_text(PLUGIN)
    given = ("--plugin", "tiny.py")
    short_run("mine", *given, "model=tiny", "model.width=5", "model.api_key=hunter2", "model.cache=/srv/cache")
    code, _, err = dlrun("share", "mine")
    assert (code, "This run used the plugin tiny.py: add --plugin FILE." in err) == (2, True)
    code, _, err = dlrun("share", "mine", "-o", "shared.yaml", *given)
    assert code == 0
    assert "who gets the recipe needs the plugin too, and gives it as --plugin FILE: tiny.py" in err
    assert "left out model.api_key: it looks like a secret; who gets the recipe sets it: model.api_key=..." in err
    assert "left out model.cache: it contains an absolute path or an address" in err
    text = Path("shared.yaml").read_text()
    assert "hunter2" not in text
    assert "/srv" not in text
    assert "command: dlrun --plugin tiny.py recipe=./shared.yaml model.api_key=VALUE model.cache=VALUE\n" in text
    code, _, err = dlrun("verify", "shared.yaml")
    assert code == 2
    assert "recipe.plugins\n      This recipe needs tiny.py of the person who shared it: add --plugin FILE." in err
    Path("tiny.py").write_text(PLUGIN.replace("ReLU", "Tanh"))
    code, _, err = dlrun("share", "mine", *given)
    assert (code, "The plugin tiny.py has changed since this run. Train again, and share that run." in err) == (2, True)


def test_a_plugin_with_other_contents_is_a_difference_of_the_environment(short_run: ShortRun, dlrun: Dlrun) -> None:
    Path("tiny.py").write_text(PLUGIN)
    short_run("mine", "--plugin", "tiny.py", "model=tiny")
    assert dlrun("share", "mine", "-o", "shared.yaml", "--plugin", "tiny.py")[0] == 0
    Path("tiny.py").write_text(PLUGIN + "# another\n")
    code, out, _ = dlrun("verify", "shared.yaml", "--plugin", "tiny.py", "--json", "-q", *LOCAL)
    assert code == 0
    assert list(json.loads(out)["environment_differs"]) == ["plugins.tiny.py"]


def test_title_and_source_of_a_recipe_stay_unless_it_was_changed(short_run: ShortRun, dlrun: Dlrun) -> None:
    Path("own.yaml").write_text(
        "recipe: {format: 1, title: Small, source: 'X 2020, https://example.org/x', notes: in /home/me/notes,"
        " expect: {test/accuracy: [0, 1]}}\nmodel: {name: linear}\n"
    )
    assert dlrun("recipe=own.yaml", "trainer.max_steps=2", "hydra.run.dir=changed", "-q", *LOCAL)[0] == 0
    code, out, _ = dlrun("share", "changed")
    assert code == 0
    Path("changed.yaml").write_text(out)
    about = read_yaml(Path("changed.yaml"))["recipe"]
    assert about["title"] == "linear on digits"
    after = 'after the recipe "Small", with another seed or other changes; its source: X 2020, https://example.org/x'
    assert about["source"] == after
    Path("own.yaml").write_text(Path("own.yaml").read_text() + "trainer: {max_steps: 2}\n")
    assert dlrun("recipe=own.yaml", "hydra.run.dir=kept", "-q", *LOCAL)[0] == 0
    code, out, err = dlrun("share", "kept")
    assert code == 0
    assert "title: Small\n  source: X 2020, https://example.org/x\n  command:" in out
    assert "left out recipe.notes: it contains an absolute path" in err


def test_refusals_come_before_torch_is_imported(short_run: ShortRun) -> None:
    short_run("mine")
    Path("taken.yaml").write_text("")
    lines = [
        ["share", "nowhere"],
        ["share", "mine", "-o", "taken.yaml"],
        ["verify", "mlp_digits", "optimizer.lr=2"],
        ["verify", "mlp_digits", "--quick"],
        ["diff", "mlp_digits", "nothing"],
        ["diff", "mlp_digits", "mine"],
    ]
    code = (
        f"import sys; from dlrun.cli.main import main; print([main(line) for line in {lines}], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[2, 2, 2, 2, 2, 0] False\n")
