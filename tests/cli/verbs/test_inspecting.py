"""The verbs that tell what there is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dlrun as package

Dlrun = Callable[..., tuple[int, str, str]]


def test_ls_names_every_group_and_recipe(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("ls")
    heads = [line.split()[0] for line in out.splitlines()]
    assert heads == [
        "group",
        "dataset",
        "model",
        "optimizer",
        "scheduler",
        "loss",
        "device",
        "trainer",
        "checkpoint",
        "logger",
        "recipe",
    ]


def test_ls_of_a_group_has_a_line_an_option(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("ls", "optimizer")
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "adagrad",
        "adam",
        "adamw",
        "muon",
        "nadam",
        "rmsprop",
        "sgd",
    ]


def test_ls_as_json_gives_types_defaults_and_comments(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("ls", "model", "--json")
    (cnn,) = (option for option in json.loads(out) if option["name"] == "cnn")
    (kernel,) = (field for field in cnn["fields"] if field["name"] == "kernel")
    assert kernel == {
        "name": "kernel",
        "type": "a whole number from 1 to 63",
        "default": 3,
        "comment": "side of the filters in pixels, 1..63",
    }
    _, out, _ = dlrun("ls", "recipe", "--json")
    (lenet,) = (recipe for recipe in json.loads(out) if recipe["recipe"] == "lenet_mnist")
    assert lenet["expect"] == {"test/accuracy": [0.989, 1.0]}
    _, out, _ = dlrun("ls", "--json")
    assert {row["group"] for row in json.loads(out)} >= {"dataset", "recipe"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ls", "modle"), 'ls modle\n      There is no such group. Did you mean "model"?'),
        (("ls", "model", "loss"), "Expected one group."),
        (("cat",), "cat\n      Expected a recipe's name."),
        (("cat", "mlp_digit"), 'Did you mean "mlp_digits"?'),
        (("cp", "mlp_digits"), "cp\n      Expected a recipe's name and a file"),
        (("compare", "one"), "compare\n      Expected at least two runs' folders."),
        (("runs", "nowhere"), "nowhere\n      There is no such folder."),
    ],
)
def test_mistakes_are_told(dlrun: Dlrun, words: tuple[str, ...], message: str) -> None:
    code, _, err = dlrun(*words)
    assert code == 2
    assert message in err


def test_cp_copies_a_recipe_that_trains_and_never_overwrites(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, _ = dlrun("cp", "mlp_digits", "mine.yaml")
    assert code == 0
    assert out == "mine.yaml\ntrain it: dlrun recipe=./mine.yaml\n"
    _, text, _ = dlrun("cat", "mlp_digits")
    assert (own_folder / "mine.yaml").read_text() == text
    code, _, err = dlrun("cp", "mlp_digits", "mine.yaml")
    assert code == 2
    assert "The file is there already" in err
    code, _, err = dlrun("cp", "mlp_digits", "no/such/mine.yaml")
    assert code == 2
    assert "Cannot be written (No such file or directory)" in err
    assert dlrun("recipe=./mine.yaml", "trainer.epochs=1", "device.threads=1", "--quiet")[0] == 0


def test_show_prints_the_composed_configuration(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("show", "model=mlp", "model.hidden=[3,4]", "--json")
    tree = json.loads(out)
    assert tree["model"]["hidden"] == [3, 4]
    assert tree["recipe"] == {"format": 1}
    _, out, _ = dlrun("show", "model=mlp")
    assert "\nmodel:\n  name: mlp\n  hidden: [128, 128]\n" in out


def test_why_names_what_set_a_value(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("show", "recipe=mlp_digits", "optimizer.lr=0.01", "--why", "optimizer.lr")
    assert "override optimizer.lr=0.01" in out
    _, out, _ = dlrun("show", "recipe=mlp_digits", "--why", "trainer.epochs")
    assert "mlp_digits.yaml" in out
    _, out, _ = dlrun("show", "--why", "model.kernel")
    assert "conf/model/cnn.yaml" in out


def test_env_tells_versions_and_devices(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("env", "--json")
    described = json.loads(out)
    assert described["versions"]["dlrun"] == package.__version__
    assert described["threads"] >= 1
    _, out, _ = dlrun("env")
    assert "torch" in out


def test_version_and_help(dlrun: Dlrun) -> None:
    assert dlrun("--version")[1] == f"dlrun {package.__version__}\n"
    _, out, _ = dlrun("--help")
    for word in ("resume", "compare", "dataset", "--plugin", "Exit codes"):
        assert word in out


def test_hydra_answers_its_own_flags(dlrun: Dlrun) -> None:
    code, out, _ = dlrun("--cfg", "job", "recipe=mlp_digits")
    assert code == 0
    assert "hidden:\n  - 64\n" in out
    assert dlrun("--info", "searchpath")[0] == 0


HEAVY = ("torch", "torchmetrics", "sklearn", "scipy", "pandas", "tensorboard", "PIL", "numpy")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("ls", 0),
        ("ls model", 0),
        ("modle=cnn trainer.epoch=3 optimizer.lr=fast", 2),
        ("show", 0),
        ("runs .", 0),
        ("-m model=mlp,cn", 2),
    ],
)
def test_nothing_heavy_is_imported_where_nothing_is_trained(words: str, code: int) -> None:
    script = (
        "import sys; from dlrun.cli.main import main\n"
        f"code = main({words.split()!r})\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == f"loaded: [] {code}"
