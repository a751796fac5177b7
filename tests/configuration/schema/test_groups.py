from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from dlrun.configuration import safe_yaml
from dlrun.configuration.schema import fields, groups, settings
from dlrun.configuration.schema.fields import Range
from dlrun.configuration.schema.groups import GROUPS, MISSING, read_option
from dlrun.configuration.schema.signature import read_signature
from dlrun.configuration.schema.type_check import find_mismatches
from dlrun.errors import ConfigError

OPTIONS = [(group, name) for group in GROUPS for name in groups.builtin_names(group)]


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_the_defaults_of_every_option_fit_its_types(group: str, name: str) -> None:
    option = groups.builtin_option(group, name)
    wrong = [
        problem
        for field in option.fields.values()
        if field.default != MISSING
        for problem in find_mismatches(field.kind, field.default, key=field.name)
    ]
    assert wrong == []


def merged(group: str, name: str) -> dict[str, Any]:
    """An option's YAML file merged with its bases."""
    node: dict[str, Any] = {}
    for path in groups.conf_files(groups.resource_dir("conf") / group / f"{name}.yaml"):
        node.update(safe_yaml.read_yaml(path))
    node.pop("defaults", None)
    return node


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_the_keys_of_every_option_are_its_fields(group: str, name: str) -> None:
    option = groups.builtin_option(group, name)
    node = merged(group, name)
    common, optional = GROUPS[group].common, GROUPS[group].optional
    shared = [field.name for field in dataclasses.fields(common)] if common is not None else []
    some = [field.name for field in dataclasses.fields(optional)] if optional is not None else []
    assert node["name"] == name
    assert set(node) - set(some) == {"name", *option.arguments, *shared}
    assert set(node) & set(some) in (set(), set(some))
    assert set(node) == {"name", *option.fields}


def test_the_fields_of_images_belong_to_datasets_that_can_contain_images() -> None:
    owners = [
        name for name in groups.builtin_names("dataset") if "augment" in groups.builtin_option("dataset", name).fields
    ]
    assert owners == [
        "arrays", "audio_folder", "cifar10", "digits", "fashion_mnist", "image_folder", "mnist", "random_images",
    ]  # fmt: skip


def test_a_shared_base_is_not_an_option() -> None:
    assert [path.name for path in (groups.resource_dir("conf") / "dataset").glob("_*.yaml")] != []
    assert [name for group in GROUPS for name in groups.builtin_names(group) if name.startswith("_")] == []


def test_an_option_has_the_defaults_and_comments_of_its_bases_except_its_own() -> None:
    mnist, diabetes = groups.builtin_option("dataset", "mnist"), groups.builtin_option("dataset", "diabetes")
    base = safe_yaml.read_yaml(groups.resource_dir("conf") / "dataset" / "_base.yaml")
    assert mnist.summary == "MNIST: 70,000 handwritten digits of 28x28 pixels, ten classes; downloads 12 MB"
    assert mnist.fields["val_fraction"].default == base["val_fraction"] == 0.1
    assert mnist.fields["val_fraction"].comment.startswith("share of the training rows held out for validation")
    assert (base["standardise_target"], diabetes.fields["standardise_target"].default) == ("auto", True)
    assert mnist.defaults()["augment"] == {"shift": "auto", "crop": 0, "flip": False}


def test_hydra_composes_an_option_with_the_same_defaults() -> None:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(groups.resource_dir("conf").resolve()), version_base="1.3"):
        for name in ("mnist", "diabetes", "audio_folder"):
            composed = OmegaConf.to_container(compose("config", overrides=[f"dataset={name}"]).dataset)
            assert composed == groups.builtin_option("dataset", name).defaults()
            assert next(iter(composed)) == "name"


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_every_field_in_conf_has_a_comment_and_the_file_a_summary(group: str, name: str) -> None:
    option = groups.builtin_option(group, name)
    assert [field.name for field in option.fields.values() if not field.comment] == []
    for path in groups.conf_files(groups.resource_dir("conf") / group / f"{name}.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert re.fullmatch(r"# \S.{8,}", lines[0])
        entries = [line for line in lines[1:] if re.match(r" *\w+:", line)]
        assert [line for line in entries if not line.startswith(("name:", "defaults:")) and " # " not in line] == []


def test_every_default_choice_is_an_option() -> None:
    from dlrun.configuration.schema.groups import default_choices

    assert set(default_choices()) == set(GROUPS)
    assert all(name in groups.builtin_names(group) for group, name in default_choices().items())
    assert default_choices()["optimizer"] == "adam"


@pytest.mark.parametrize(
    ("group", "name", "kind"),
    [
        ("trainer", "default", settings.TrainerSettings),
        ("checkpoint", "default", settings.CheckpointSettings),
        ("device", "auto", settings.DeviceSettings),
        ("device", "cpu", settings.DeviceSettings),
        ("dataset", "digits", settings.DatasetSettings),
    ],
)
def test_the_settings_have_the_defaults_that_conf_has(group: str, name: str, kind: Any) -> None:
    expected = {"name": name, **dataclasses.asdict(kind())}
    if "augment" in expected:  # neutral where an option has no such field
        expected["augment"]["shift"] = "auto"
    assert expected == merged(group, name)


def test_top_level_keys_have_values_that_fit() -> None:
    root = safe_yaml.read_yaml(groups.resource_dir("conf") / "config.yaml")
    assert [
        wrong for key, kind in groups.TOP_LEVEL.items() for wrong in find_mismatches(kind, root[key], key=key)
    ] == []
    assert root["seed"] == 0


def test_reading_every_signature_imports_no_torch() -> None:
    code = (
        "import sys; from dlrun.configuration.schema import groups\n"
        "n = [groups.builtin_option(g, o).name for g in groups.GROUPS for o in groups.builtin_names(g)]\n"
        "print(len(n) > 30, 'torch' in sys.modules, 'hydra' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False False\n"


def test_adam_is_read_as_it_is_written() -> None:
    option = groups.builtin_option("optimizer", "adam")
    assert option.arguments == ("lr", "beta1", "beta2", "eps", "weight_decay")
    assert option.fields["lr"].kind == fields.AutoLearningRate
    assert option.fields["lr"].default == "auto"
    assert option.fields["lr"].comment == "learning rate, above 0, at most 1000, or auto"
    assert option.summary == "Adam: scales each weight's step by running means of its gradient and squared gradient"
    assert option.defaults()["name"] == "adam"
    assert option.defaults()["decay_matrices_only"] is False


def test_a_folder_inside_the_package_goes_before_the_one_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "_PACKAGE", tmp_path / "dlrun")
    assert groups.resource_dir("conf") == tmp_path / "conf"
    (tmp_path / "dlrun" / "conf").mkdir(parents=True)
    assert groups.resource_dir("conf") == tmp_path / "dlrun" / "conf"


def signature(tmp_path: Path, arguments: str, *, doc: str = "What it is.\n\n    More.") -> Path:
    path = tmp_path / "mine.py"
    path.write_text(f'import torch_that_is_not_there\n\ndef mine(spec, *, {arguments}):\n    """{doc}"""\n')
    return path


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("int", int),
        ("'int'", int),
        ("int | None", int | None),
        ("list[int]", list[int]),
        ("list[Width]", list[fields.Width]),
        ("fields.Width", fields.Width),
        ("Literal['a', 'b']", Literal["a", "b"]),
        ("typing.Literal['a', 3] | None", Literal["a", 3] | None),
        ("Annotated[int, Range(2, 16)]", Annotated[int, Range(2, 16)]),
        ("Annotated[float, Range(above=0)]", Annotated[float, Range(above=0)]),
        ("dict[str, Any]", dict[str, Any]),
        ("Augment", fields.Augment),
    ],
)
def test_a_type_is_read_without_importing_the_file(tmp_path: Path, written: str, kind: Any) -> None:
    summary, declared = read_signature(signature(tmp_path, f"width: {written}"), "mine")
    assert summary == "What it is."
    assert declared == [groups.Field("width", kind, MISSING, line=3)]


def test_defaults_in_a_signature_are_plain_values(tmp_path: Path) -> None:
    path = signature(tmp_path, "a: int = -3, b: list[int] = (1, 2), c: str | None = None, d: Augment = Augment()")
    _, declared = read_signature(path, "mine")
    assert [field.default for field in declared] == [-3, [1, 2], None, {"shift": 0, "crop": 0, "flip": False}]


def test_an_option_without_conf_has_its_groups_settings_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def mine(parameters, *, lr: LearningRate = 0.5, power: int = 2): ...\n")
    option = read_option("optimizer", "mine", source=path, conf=None, origin="plugin")
    assert option.defaults() == {
        "name": "mine",
        "lr": 0.5,
        "weight_decay": 0.0,
        "decay_matrices_only": False,
        "power": 2,
    }
    assert option.arguments == ("lr", "power")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("width", '3: the field "width" has no type annotation.'),
        (
            "name: str",
            '3: a field cannot be called "name", which is the key of the option itself; rename the argument.',
        ),
        ("width: int = open('x')", "3: expected a plain value as default, got open('x')."),
        ("width: int = {[]: 1}", "3: expected a plain value as default, got {[]: 1}."),
        ("width: Annotated[int, 3]", "3: expected a Range(...) in Annotated, got 3."),
    ],
)
def test_a_field_that_cannot_be_one_is_reported_with_its_line(tmp_path: Path, arguments: str, message: str) -> None:
    path = signature(tmp_path, arguments)
    with pytest.raises(ConfigError) as caught:
        read_signature(path, "mine")
    assert str(caught.value) == f"{path}:{message}"


@pytest.mark.parametrize(
    "written",
    [
        "Path",
        "torch.dtype",
        "int[3]",
        "Literal[NAME]",
        "'1 +'",
        "__import__('os')",
        "Annotated[int, Range(1, 2, 3, 4, 5)]",
    ],
)
def test_a_type_that_no_field_can_have_is_reported(tmp_path: Path, written: str) -> None:
    path = signature(tmp_path, f"width: {written}")
    with pytest.raises(ConfigError) as caught:
        read_signature(path, "mine")
    assert str(caught.value) == (
        f"{path}:3: the type {written} is not supported; use int, float, bool, str, list[...], "
        "Literal[...], Annotated[..., Range(...)] or a type that dlrun exports, such as Width."
    )


def test_a_file_without_the_function_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def other(): ...\n")
    with pytest.raises(ConfigError) as caught:
        read_signature(path, "mine")
    assert str(caught.value) == f'{path}: expected a function "mine" with the name of the file, found none.'


def test_a_file_that_is_no_python_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def mine(:\n")
    with pytest.raises(ConfigError) as caught:
        read_signature(path, "mine")
    assert str(caught.value).startswith(f"{path}: not valid Python: ")


def test_a_file_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_signature(tmp_path / "mine.py", "mine")
    assert str(caught.value) == f"{tmp_path / 'mine.py'}: cannot be read (No such file or directory)."
