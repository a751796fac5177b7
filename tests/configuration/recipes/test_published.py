"""dlrun.configuration.recipes.published: what the configuration of a published model may hold."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.recipes.published import (
    changed_plugins,
    check_published,
    data_left_to_user,
    public_configuration,
)
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError

TABLE = ("dataset=table", "dataset.path=here/people.csv", "dataset.target=renewed", "dataset.test=/srv/test.csv")


def tree(*words: str) -> dict[str, Any]:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(words, catalog), catalog)
    return dict(compose(plan, catalog).config.tree)


def test_files_machine_and_folders_stay_out() -> None:
    words = (*TABLE, "device=cpu", "device.threads=3", "trainer.max_time=9h", "seed=4")
    public, left = public_configuration(tree(*words), Catalog())
    assert (public["dataset"]["path"], public["dataset"]["test"], public["dataset"]["val"]) == ("???", "???", None)
    assert public["device"]["threads"] == "auto"
    assert (public["seed"], public["recipe"], public["resume"]) == (4, {"format": 1}, "never")
    assert {each.key for each in left} >= {"dataset.path", "dataset.test", "device", "trainer.max_time"}
    assert "/srv" not in str(public)
    check_published(public, Catalog())
    assert data_left_to_user(public, Catalog(), given=()) == ["dataset.path", "dataset.test"]
    assert data_left_to_user(public, Catalog(), given=["dataset.path"]) == ["dataset.test"]


def test_a_bundled_example_stays() -> None:
    public, _ = public_configuration(tree("dataset=table", "dataset.path=example:people.csv", *TABLE[2:3]), Catalog())
    assert public["dataset"]["path"] == "example:people.csv"
    assert data_left_to_user(public, Catalog(), given=()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": {"name": "table", "path": "people.csv"}}, "A published model names no file"),
        ({"dataset": {"name": "table", "path": "/etc/passwd"}}, "A recipe can name only files below the current"),
        ({"dataset": {"name": "table", "path": "???", "val": "x.csv"}}, "A published model names no file"),
        ({"dataset": {"name": "mnist", "root": "/tmp/x"}}, "A recipe cannot choose a folder that is written to"),
        ({"dataset": {"name": "mnist", "mirrors": ["https://evil"]}}, "A recipe cannot set addresses"),
        ({"recipe": {"format": 1, "extends": "x@sha256:0"}}, "complete in itself; it has no such key"),
        ({"sweep": {"seed": [0, 1]}}, "complete in itself; it has no such key"),
        ({"hydra": {"run": {"dir": "/tmp"}}}, "A recipe cannot set Hydra's own configuration"),
        ({"model": {"name": "mlp", "_target_": "os.system"}}, "data, never code"),
        ({"model": {"name": "mlp", "hidden": "${oc.env:HOME}"}}, "A recipe cannot contain interpolations"),
        ({"model": {"name": "os.system"}}, "os.system"),
    ],
)
def test_what_reaches_beyond_the_folder_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_published({"recipe": {"format": 1}, "dataset": {"name": "iris"}, **change}, Catalog())
    assert message in str(error.value)
    assert str(error.value).startswith(("1 problem in the configuration of the published model", "2 problems"))


def test_another_file_of_a_plugin_is_noticed(tmp_path: Any) -> None:
    plugin = tmp_path / "tiny.py"
    plugin.write_text("def tiny(spec, *, width: int = 4):\n    '''Mine.'''\n")
    catalog = Catalog(plugins=[plugin])
    own = catalog.plugin_hashes()["tiny.py"]
    assert changed_plugins({"recipe": {"plugins": {"tiny.py": own, "absent.py": "0"}}}, catalog) == []
    assert changed_plugins({"recipe": {"plugins": {"tiny.py": "0"}}}, catalog) == ["tiny.py"]
    assert changed_plugins({}, catalog) == []
