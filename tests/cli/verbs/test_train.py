"""`dlrun train`: what a run prints, writes and refuses."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SHORT
from tests.cradle import start_dlrun

Dlrun = Callable[..., tuple[int, str, str]]


def test_a_run_prints_its_table_on_standard_output_and_the_rest_beside_it(dlrun: Dlrun) -> None:
    code, out, err = dlrun(*SHORT)
    assert code == 0
    assert out.splitlines()[0].split() == ["metric", "val", "test", "largest", "class", "linear", "model"]
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["loss", "accuracy", "macro_f1"]
    assert "data    iris: 4 features, 3 classes (108 train · 12 val · 30 test)" in err
    assert "model   linear, 15 parameters" in err
    assert "completed: 8 steps" in err
    assert "next: dlrun eval outputs/" in err


def test_a_run_writes_the_files_of_the_contract(short_run: Callable[..., Path]) -> None:
    folder = short_run("mine")
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    assert names == ["checkpoints", "config.yaml", "dlrun.log", "metrics.jsonl", "result.json"]
    last = (folder / "checkpoints" / "last").read_text().strip()
    assert sorted(path.name for path in (folder / "checkpoints" / last).iterdir()) == [
        "manifest.json", "model.safetensors", "optimizer.safetensors", "random.safetensors", "state.json",
    ]  # fmt: skip
    assert "completed: 8 steps" in (folder / "dlrun.log").read_text()
    assert "\x1b" not in (folder / "dlrun.log").read_text()


def test_the_default_folder_names_date_time_dataset_and_model(dlrun: Dlrun, own_folder: Path) -> None:
    dlrun(*SHORT)
    (folder,) = own_folder.glob("outputs/*/*")
    day, run = folder.relative_to(own_folder / "outputs").parts
    assert time.strptime(day, "%Y-%m-%d")
    assert time.strptime(run.removesuffix("_iris_linear"), "%H-%M-%S")


def test_quiet_leaves_the_table_alone(dlrun: Dlrun) -> None:
    code, out, err = dlrun(*SHORT, "--quiet")
    assert code == 0
    assert "accuracy" in out
    assert err == ""


def test_json_is_the_result(dlrun: Dlrun) -> None:
    _, out, _ = dlrun(*SHORT, "--json")
    result = json.loads(out)
    assert result["status"] == "completed"
    assert json.loads((Path(result["run_dir"]) / "result.json").read_text())["config_sha256"] == result["config_sha256"]


def test_every_mistake_is_told_at_once(dlrun: Dlrun) -> None:
    code, out, err = dlrun("modle=cnn", "trainer.epoch=3", "optimizer.lr=fast")
    assert code == 2
    assert out == ""
    assert "3 problems in the configuration" in err
    assert 'Did you mean "model"?' in err
    assert 'Did you mean "trainer.epochs"?' in err
    assert "optimizer.lr=fast\n      Expected a number" in err


def test_an_error_leaves_no_folder_behind(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("dataset=iris", "model=cnn")
    assert code == 2
    assert "A CNN needs images" in err
    assert not list(own_folder.glob("outputs/*/*"))


def test_a_folder_that_holds_a_run_is_refused(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    short_run("mine")
    code, _, err = dlrun(*SHORT, "hydra.run.dir=mine")
    assert code == 2
    assert "This folder already contains a run. Add resume=auto" in err


def test_a_runs_config_is_a_recipe(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    folder = short_run("mine", "optimizer=sgd", "optimizer.momentum=0.9")
    code, _, err = dlrun("recipe=mine/config.yaml", "hydra.run.dir=again", "--quiet")
    assert code == 0, err
    results = [json.loads((path / "result.json").read_text()) for path in (folder, folder.parent / "again")]
    assert results[0]["metrics"] == results[1]["metrics"]
    assert results[0]["config_sha256"] == results[1]["config_sha256"]


def test_data_that_is_not_there_is_exit_3(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("dataset=mnist", "model=linear", f"dataset.root={own_folder}", "dataset.download=false")
    assert code == 3
    assert "train-images-idx3-ubyte" in err


def test_a_plugin_is_one_file(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "my_model.py").write_text(
        "from torch import nn\n"
        "def my_model(spec, *, width: int = 7):\n"
        "    '''Mine.'''\n"
        "    return nn.Sequential(nn.Linear(spec.num_features, width), nn.ReLU(), nn.Linear(width, spec.num_outputs))\n"
    )
    words = (
        "--plugin",
        "my_model.py",
        "dataset=iris",
        "model=my_model",
        "model.width=5",
        "trainer.epochs=1",
        "device.threads=1",
    )
    code, out, err = dlrun(*words, "hydra.run.dir=mine", "--json", "--quiet")
    assert code == 0, err
    assert json.loads(out)["parameters"] == 4 * 5 + 5 + 5 * 3 + 3
    code, _, err = dlrun("eval", "mine")
    assert code == 2
    assert "mine\n      This run used the plugin my_model.py: add --plugin FILE." in err
    assert dlrun("eval", "mine", "--plugin", "my_model.py")[0] == 0
    code, _, err = dlrun("eval", "mine")
    assert code == 2
    assert "mine\n      This run used the plugin my_model.py: add --plugin FILE." in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_leaves_with_its_code(own_folder: Path, number: int, code: int) -> None:
    words = [
        "dataset=digits",
        "model=mlp",
        "trainer.epochs=100000",
        "device.threads=1",
        "hydra.run.dir=mine",
        "trainer.log_every=20",
    ]
    printed = own_folder / "printed.txt"
    with printed.open("wb") as output:
        process = start_dlrun(*words, output=output.fileno())
    metrics = own_folder / "mine" / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait() == code
    err = printed.read_text()
    assert "everything is saved" in err
    assert "Traceback" not in err
    result = json.loads((own_folder / "mine" / "result.json").read_text())
    assert result["status"] == "interrupted"
    last = (own_folder / "mine" / "checkpoints" / "last").read_text().strip()
    assert last == f"step-{result['steps']}"
