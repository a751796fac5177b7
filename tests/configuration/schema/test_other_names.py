"""Well-known other names of options, and files in place of a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.configuration.check import check_override
from dlrun.configuration.schema import other_names
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS, TOP_LEVEL
from dlrun.configuration.schema.other_names import hint_of_path
from dlrun.errors import ConfigError, Problem


def test_every_other_name_leads_to_an_option_and_fields_that_exist() -> None:
    catalog = Catalog()
    for (group, name), overrides in other_names._OTHERS.items():
        assert group in GROUPS
        assert name not in catalog.names(group)
        first, *others = overrides.split()
        option = catalog.option(group, first.removeprefix(f"{group}="))
        assert {each.partition("=")[0].removeprefix(f"{group}.") for each in others} <= set(option.fields)


def test_every_other_key_leads_to_one_that_exists() -> None:
    options = {group: Catalog().option(group, name) for group, name in (("optimizer", "adam"), ("trainer", "default"))}
    fields = {f"{group}.{field}" for group, option in options.items() for field in option.fields}
    for name, key in {**other_names._KEYS, **other_names._ON_THE_COMMAND_LINE}.items():
        assert check_override(name, "1", 1, options)[0].message.endswith(f'Did you mean "{key}"?'), name
        assert key in {"hydra.run.dir", *TOP_LEVEL, *GROUPS, *fields}


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("optimizer.learning_rate", "optimizer.lr"),
        ("Learning-Rate", "optimizer.lr"),
        ("trainer.num_epochs", "trainer.epochs"),
        ("run_dir", "hydra.run.dir"),
    ],
)
def test_another_name_of_a_key_is_told_with_the_key(key: str, meant: str) -> None:
    options = {
        group: Catalog().option(group, name)
        for group, name in (("optimizer", "adam"), ("trainer", "default"), ("checkpoint", "default"))
    }
    (problem,) = check_override(key, "0.1", 0.1, options)
    assert problem.message.endswith(f'Did you mean "{meant}"?')
    assert problem.fix == f"{meant}=0.1"


@pytest.mark.parametrize(
    ("group", "name", "hint", "fix"),
    [
        ("model", "LSTM", "It is model=rnn model.cell=lstm here.", None),
        ("model", "logistic-regression", "It is model=linear here.", "model=linear"),
    ],
)
def test_another_name_is_told_with_what_it_is_here(group: str, name: str, hint: str, fix: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        Catalog().option(group, name)
    (problem,) = caught.value.problems
    assert problem == Problem(f"{group}={name}", f'Unknown {group} "{name}". {hint}')
    assert problem.fix == fix


def test_a_file_or_folder_is_told_with_the_options_that_read_it(tmp_path: Path) -> None:
    (tmp_path / "a.CSV.gz").touch()
    (tmp_path / "mine.yaml").touch()
    (tmp_path / "a.exe").touch()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    (tmp_path / "pics").mkdir()
    table, pics = tmp_path / "a.CSV.gz", tmp_path / "pics"
    with pytest.raises(ConfigError, match=f"{table} is a file; to train with it: `dataset=table dataset.path={table}`"):
        Catalog().option("dataset", str(table))
    assert hint_of_path(str(pics), command="dlrun ") == (
        f"{pics} is a folder; to train on its images: `dlrun dataset=image_folder dataset.path={pics}`, "
        f"on its audio: `dlrun dataset=audio_folder dataset.path={pics}`."
    )
    assert hint_of_path(str(tmp_path / "mine.yaml")).endswith(f"`recipe={tmp_path / 'mine.yaml'}`.")
    nothing = [
        str(tmp_path / "a.exe"),
        str(tmp_path / "run"),
        "gone.csv",
        "a\x00.csv",
        "x" * 5000,
        "~nobody_at_all/x.csv",
    ]
    assert [hint_of_path(name) for name in nothing] == [""] * 6
