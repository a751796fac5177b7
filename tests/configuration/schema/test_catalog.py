from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlrun.configuration.check import nearest_key
from dlrun.configuration.schema import groups
from dlrun.configuration.schema.catalog import Catalog, packages_of
from dlrun.configuration.schema.groups import GROUPS
from dlrun.errors import ConfigError
from tests.harness import configure

PLUGINS = {
    "model": "def mine(spec, *, width: int = 3):\n    return ('model', spec, width)\n",
    "loss": "def mine(spec, *, width: int = 3) -> Loss:\n    return ('loss', spec, width)\n",
    "dataset": "def mine(*, width: int = 3):\n    return ('dataset', width)\n",
    "optimizer": "def mine(parameters, *, lr: float, width: int = 3):\n    return ('optimizer', parameters, width)\n",
    "scheduler": "def mine(horizon, *, width: int = 3):\n    return ('scheduler', horizon, width)\n",
    "logger": "def mine(run_dir, *, width: int = 3):\n    return ('logger', run_dir, width)\n",
}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture(autouse=True)
def no_module_stays() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("dlrun_plugin_", "their_package")):
            del sys.modules[name]


@pytest.mark.parametrize("group", PLUGINS)
def test_a_plugin_is_an_option_of_the_group_that_its_function_says(tmp_path: Path, group: str) -> None:
    path = write(tmp_path / "mine.py", "from __future__ import annotations\n" + PLUGINS[group])
    catalog = Catalog(plugins=[path])
    assert [name for name in GROUPS if "mine" in catalog.names(name)] == [group]
    option = catalog.option(group, "mine")
    assert (option.origin, option.source, option.conf) == ("plugin", path, None)
    assert option.defaults()["width"] == 3
    given = {"dataset": (), "optimizer": ("p",)}.get(group, ("x",))
    fields = {"width": 4, "lr": 0.1} if group == "optimizer" else {"width": 4}
    assert catalog.load(group, "mine")(*given, **fields) == (group, *given, 4)


def test_a_plugin_is_not_run_before_it_is_loaded(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", "open('ran', 'w').close()\n" + PLUGINS["model"])
    catalog = Catalog(plugins=[path])
    assert catalog.option("model", "mine").fields["width"].default == 3
    assert not (tmp_path / "ran").exists()
    catalog.load("model", "mine")
    assert (tmp_path / "ran").exists()


def test_a_plugin_is_imported_once(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", PLUGINS["model"])
    assert Catalog(plugins=[path]).load("model", "mine") is Catalog(plugins=[path]).load("model", "mine")


def test_another_plugin_of_the_same_name_is_another(tmp_path: Path) -> None:
    one = write(tmp_path / "a" / "mine.py", "def mine(spec):\n    return 1\n")
    two = write(tmp_path / "b" / "mine.py", "def mine(spec):\n    return 2\n")
    assert Catalog(plugins=[one]).load("model", "mine")(None) == 1
    assert Catalog(plugins=[two]).load("model", "mine")(None) == 2


def test_a_function_of_no_group_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", "def mine(batch): ...\n")
    with pytest.raises(ConfigError) as caught:
        Catalog(plugins=[path])
    assert str(caught.value) == (
        f'{path}: no group has options with the first argument "batch"; a model takes "spec", a loss "spec" (and '
        'returns Loss), an optimizer "parameters", a scheduler "horizon", a logger "run_dir", a dataset nothing before '
        "its fields."
    )


def test_a_plugin_cannot_take_the_name_of_an_option(tmp_path: Path) -> None:
    path = write(tmp_path / "cnn.py", "def cnn(spec): ...\n")
    with pytest.raises(ConfigError) as caught:
        Catalog(plugins=[path])
    assert str(caught.value) == f'{path}: dlrun has its own model "cnn"; rename the file.'


def test_a_plugin_that_fails_to_import_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", "import no_such_thing\n" + PLUGINS["model"])
    catalog = Catalog(plugins=[path])
    with pytest.raises(ConfigError) as caught:
        catalog.load("model", "mine")
    assert str(caught.value) == (
        f"{path}: importing it failed: ModuleNotFoundError: No module named 'no_such_thing' "
        "(mine.py, line 1, `import no_such_thing`)."
    )
    assert "dlrun_plugin_mine" not in sys.modules


def test_a_plugin_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Catalog(plugins=[tmp_path / "mine.py"])
    assert str(caught.value) == f"{tmp_path / 'mine.py'}: cannot be read (No such file or directory)."


def test_an_option_that_does_not_exist_is_reported_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        Catalog().option("model", "cn\x1b")
    (problem,) = caught.value.problems
    assert (problem.where, problem.message) == ("model=cn\\x1b", 'Unknown model "cn\\x1b". Did you mean "cnn"?')


def test_what_has_no_function_cannot_be_loaded() -> None:
    with pytest.raises(ConfigError) as caught:
        Catalog().load("model", "cn")
    assert str(caught.value) == 'Unknown model "cn". Did you mean "cnn"?'


def test_every_option_with_a_function_loads() -> None:
    catalog = Catalog()
    for group in ("optimizer", "scheduler", "loss"):
        for name in groups.builtin_names(group):
            assert catalog.load(group, name).__name__ == name


@pytest.mark.parametrize("choice", [None, ["cnn"], 3, "${oc.env:HOME}"])
def test_a_choice_that_is_no_name_is_reported(choice: object) -> None:
    option, (problem,) = Catalog().find("checkpoint", choice, "x")
    assert option is None
    assert problem.where == "checkpoint=x"
    assert problem.message.startswith("Expected the name of an option of checkpoint, got ")
    assert problem.message.endswith(". Choose from: default.")


def test_the_nearest_option_replaces_one_that_does_not_exist() -> None:
    option, (problem,) = Catalog().find("model", "cn", "cn")
    assert option is not None
    assert option.name == "cnn"
    assert problem.message == 'Unknown model "cn". Did you mean "cnn"?'


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A package with an entry point, as an installer leaves it."""
    write(tmp_path / "their_package" / "__init__.py", "")
    write(tmp_path / "their_package" / "inner.py", "ANSWER = 42\n")
    write(tmp_path / "their_package" / "net.py", code)
    write(
        tmp_path / "their_package-1.0.dist-info" / "METADATA",
        "Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n",
    )
    write(
        tmp_path / "their_package-1.0.dist-info" / "entry_points.txt", "[dlrun.options]\nnet = their_package.net:net\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


def test_an_installed_package_provides_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        tmp_path, monkeypatch, "from .inner import ANSWER\n\ndef net(spec, *, width: int = 5):\n    return ANSWER\n"
    )
    catalog = Catalog()
    assert "net" in catalog.names("model")
    option = catalog.option("model", "net")
    assert (option.origin, option.defaults()) == ("their-package", {"name": "net", "width": 5})
    assert "their_package.net" not in sys.modules
    assert catalog.load("model", "net")(None) == 42
    tree = configure("dataset=iris", "model=linear").tree
    assert packages_of(tree, catalog) == []
    assert packages_of({**tree, "model": {"name": "net"}}, catalog) == ["their-package"]
    assert option.conf is None


def test_an_installed_option_does_not_replace_dlruns_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "def cnn(spec): ...\n\ndef net(spec): ...\n")
    write(
        tmp_path / "their_package-1.0.dist-info" / "entry_points.txt", "[dlrun.options]\ncnn = their_package.net:cnn\n"
    )
    assert Catalog().option("model", "cnn").origin == "dlrun"


def test_a_preset_is_an_option_with_other_defaults(tmp_path: Path) -> None:
    write(tmp_path / "optimizer" / "gentle.yaml", "# Slowly\nname: adam\nlr: 1e-5\n")
    catalog = Catalog(config_dirs=[tmp_path])
    option = catalog.option("optimizer", "gentle")
    assert "gentle" in catalog.names("optimizer")
    assert (option.name, option.fields["lr"].default, option.fields["beta1"].default) == ("adam", 1e-5, 0.9)


def test_a_preset_of_nothing_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "optimizer" / "gentle.yaml", "name: adamm\n")
    with pytest.raises(ConfigError) as caught:
        Catalog(config_dirs=[tmp_path]).option("optimizer", "gentle")
    assert str(caught.value) == (f'{path}: name: expected an existing optimizer, got "adamm". Did you mean "adam"?')


def test_a_preset_cannot_take_the_name_of_an_option(tmp_path: Path) -> None:
    path = write(tmp_path / "optimizer" / "adam.yaml", "name: adam\nlr: 1\n")
    with pytest.raises(ConfigError) as caught:
        Catalog(config_dirs=[tmp_path]).option("optimizer", "adam")
    assert str(caught.value) == f'{path}: dlrun has its own optimizer "adam"; rename the file.'


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("epochs", "trainer.epochs"),
        ("Epochs", "trainer.epochs"),
        ("batch_size", "trainer.batch_size"),
        ("lr", "optimizer.lr"),
        ("optimiser.lr", "optimizer.lr"),
        ("optimiser.lrr", "optimizer.lr"),
        ("Model", "model"),
        ("modle.kernal", "model.kernel"),
        ("patience", "trainer.early_stop.patience"),
        ("early_stop.patience", "trainer.early_stop.patience"),
        ("trianer.early_stop.patience", "trainer.early_stop.patience"),
        ("model/kernel", "model.kernel"),
        ("sed", "seed"),
        ("kernal", "model.kernel"),
        ("qqqq", None),
    ],
)
def test_the_nearest_key_is_found(key: str, near: str | None) -> None:
    catalog = Catalog()
    chosen = {"trainer": "default", "model": "cnn", "optimizer": "adam"}
    options = {group: catalog.option(group, name) for group, name in chosen.items()}
    assert nearest_key(key, options) == near
