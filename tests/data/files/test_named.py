"""`dlrun.data.files.named`: missing files are told before anything slow is imported or written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.named import check_plans, check_tree
from dlrun.errors import DataError

Dlrun = Callable[..., tuple[int, str, str]]
TABLE = ("dataset=table", "dataset.target=y")


def missing(*words: str, multirun: bool = False) -> str:
    catalog = Catalog()
    plans = plan_runs(parse_overrides(words, catalog, multirun=multirun), catalog)
    with pytest.raises(DataError) as caught:
        check_plans(plans, catalog)
    if not multirun:
        with pytest.raises(DataError) as again:
            check_tree(compose(plans[0], catalog).config.tree, catalog)
        assert str(again.value) == str(caught.value)
    return str(caught.value)


def is_right(*words: str) -> None:
    catalog = Catalog()
    plans = plan_runs(parse_overrides(words, catalog), catalog)
    check_plans(plans, catalog)
    check_tree(compose(plans[0], catalog).config.tree, catalog)


def test_every_missing_file_is_reported_with_its_key_and_a_name_that_is_near() -> None:
    Path("table.csv").write_text("x,y\n")
    assert missing(*TABLE, "dataset.path=tabel.csv", "dataset.val=none/val.csv") == (
        'dataset.path=tabel.csv: there is no such file or folder. Did you mean "table.csv"?\n'
        "dataset.val=none/val.csv: there is no such file or folder."
    )
    assert missing(*TABLE, "dataset.path=table.csv/x") == "dataset.path=table.csv/x: there is no such file or folder."
    assert missing("dataset=image_folder", "dataset.path='~/none_at_all'") == (
        "dataset.path=~/none_at_all: there is no such file or folder."
    )


def test_what_is_there_or_an_example_is_left_to_the_dataset() -> None:
    Path("table.csv").write_text("x,y\n")
    Path("folder").mkdir()
    is_right(*TABLE, "dataset.path=table.csv")
    is_right(*TABLE, "dataset.path=folder")
    is_right(*TABLE, "dataset.path=example:people.csv")
    is_right(*TABLE, f"dataset.path={'a' * 5000}")  # too long a name, which the dataset says
    is_right("dataset=iris")


def test_a_recipes_file_and_every_point_of_a_sweep_are_looked_for() -> None:
    Path("mine.yaml").write_text("dataset: {name: table, path: none.csv, target: y}\n")
    assert missing("recipe=mine.yaml") == "dataset.path=none.csv: there is no such file or folder."
    assert missing(*TABLE, "dataset.path=a.csv,b.csv", "seed=0,1", multirun=True) == (
        "dataset.path=a.csv: there is no such file or folder.\ndataset.path=b.csv: there is no such file or folder."
    )


def test_a_value_that_only_composing_determines_is_looked_for_then(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun(*TABLE, "dataset.path=${metric}", "device.threads=1")
    assert code == 3
    assert err == "dlrun: dataset.path=auto: there is no such file or folder.\n"
    assert list(own_folder.iterdir()) == []


def test_train_tells_it_without_importing_torch_or_writing(own_folder: Path) -> None:
    Path("mine.yaml").write_text("dataset: {name: table, path: none.csv, target: y}\n")
    program = (
        "import sys\nfrom dlrun.cli.main import main\n"
        "print(main(sys.argv[1:]), [name for name in ('torch', 'hydra', 'numpy') if name in sys.modules])"
    )
    for words in (["recipe=mine.yaml"], ["recipe=nothere.yaml"], ["-m", "recipe=mine.yaml", "seed=0,1"]):
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
        code, told = 3, "dataset.path=none.csv: there is no such file or folder."
        if words == ["recipe=nothere.yaml"]:
            code, told = 2, "does not exist"
        assert done.stdout.startswith(f"{code} [")
        assert "torch" not in done.stdout
        assert told in done.stderr
    assert [path.name for path in own_folder.iterdir()] == ["mine.yaml"]
