from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from dlrun.configuration import safe_yaml
from dlrun.configuration.schema import fields, settings
from dlrun.configuration.schema import groups as schema
from dlrun.configuration.schema.fields import Range, misfit
from dlrun.configuration.schema.groups import GROUPS, MISSING, read_option
from dlrun.configuration.schema.signature import read_signature
from dlrun.errors import ConfigError

OPTIONS = [(group, name) for group in GROUPS for name in schema.builtin_names(group)]


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_the_defaults_of_every_option_fit_its_types(group: str, name: str) -> None:
    option = schema.builtin(group, name)
    wrong = [
        problem
        for field in option.fields.values()
        if field.default != MISSING
        for problem in misfit(field.kind, field.default, key=field.name)
    ]
    assert wrong == []


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_the_keys_of_every_option_are_its_fields(group: str, name: str) -> None:
    option = schema.builtin(group, name)
    assert option.conf is not None
    node = safe_yaml.read(option.conf)
    common = GROUPS[group].common
    shared = [field.name for field in dataclasses.fields(common)] if common is not None else []
    assert node["name"] == name
    assert set(node) == {"name", *option.arguments, *shared}


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_every_field_in_conf_has_a_comment_and_the_file_a_summary(group: str, name: str) -> None:
    lines = (schema.resource_dir("conf") / group / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"# \S.{8,}", lines[0])
    bare = [
        line for line in lines[1:] if re.match(r" *\w+:", line) and not line.startswith("name:") and " # " not in line
    ]
    assert [line for line in bare if line != "early_stop:"] == []


def test_every_default_choice_is_an_option() -> None:
    from dlrun.configuration.schema.groups import default_choices

    assert set(default_choices()) == set(GROUPS)
    assert all(name in schema.builtin_names(group) for group, name in default_choices().items())
    assert default_choices()["optimizer"] == "adam"


@pytest.mark.parametrize(
    ("group", "name", "kind"),
    [
        ("trainer", "default", settings.TrainerSettings),
        ("checkpoint", "default", settings.CheckpointSettings),
        ("device", "auto", settings.DeviceSettings),
        ("device", "cpu", settings.DeviceSettings),
    ],
)
def test_the_settings_have_the_defaults_that_conf_has(group: str, name: str, kind: Any) -> None:
    node = safe_yaml.read(schema.resource_dir("conf") / group / f"{name}.yaml")
    assert {"name": name, **dataclasses.asdict(kind())} == node


def test_top_level_keys_have_values_that_fit() -> None:
    root = safe_yaml.read(schema.resource_dir("conf") / "config.yaml")
    assert [wrong for key, kind in schema.TOP_LEVEL.items() for wrong in misfit(kind, root[key], key=key)] == []
    assert root["seed"] == 0


def test_reading_every_signature_imports_no_torch() -> None:
    code = (
        "import sys; from dlrun.configuration.schema import groups as schema\n"
        "n = [schema.builtin(g, o).name for g in schema.GROUPS for o in schema.builtin_names(g)]\n"
        "print(len(n) > 30, 'torch' in sys.modules, 'hydra' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False False\n"


def test_adam_is_read_as_it_is_written() -> None:
    option = schema.builtin("optimizer", "adam")
    assert option.arguments == ("lr", "beta1", "beta2", "eps", "weight_decay")
    assert option.fields["lr"].kind == fields.LearningRate
    assert option.fields["lr"].default == 0.001
    assert option.fields["lr"].comment == "learning rate, above 0"
    assert option.summary == "Adam: a rate for each weight from its gradient's mean and square"
    assert option.defaults()["name"] == "adam"
    assert option.defaults()["decay_matrices_only"] is False


def test_a_folder_inside_the_package_goes_before_the_one_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_PACKAGE", tmp_path / "dlrun")
    assert schema.resource_dir("conf") == tmp_path / "conf"
    (tmp_path / "dlrun" / "conf").mkdir(parents=True)
    assert schema.resource_dir("conf") == tmp_path / "dlrun" / "conf"


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
    assert declared == [schema.Field("width", kind, MISSING, line=3)]


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
        ("width", '3: the field "width" has no type.'),
        ("width: int = open('x')", "3: a field's default must be a plain value, not open('x')."),
        ("width: int = {[]: 1}", "3: a field's default must be a plain value, not {[]: 1}."),
        ("width: Annotated[int, 3]", "3: Annotated takes a Range(...), not 3."),
    ],
)
def test_a_field_that_cannot_be_one_is_told_with_its_line(tmp_path: Path, arguments: str, message: str) -> None:
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
def test_a_type_that_no_field_can_have_is_told(tmp_path: Path, written: str) -> None:
    path = signature(tmp_path, f"width: {written}")
    with pytest.raises(ConfigError) as caught:
        read_signature(path, "mine")
    assert str(caught.value) == (
        f"{path}:3: the type {written} is not one a field can have; use int, float, bool, str, list[...], "
        "Literal[...], Annotated[..., Range(...)] or a name from dlrun.configuration.schema.fields."
    )


def test_a_file_without_the_function_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def other(): ...\n")
    with pytest.raises(ConfigError) as caught:
        read_signature(path, "mine")
    assert str(caught.value) == f'{path}: expected a function "mine", named as the file is; there is none.'


def test_a_file_that_is_no_python_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def mine(:\n")
    with pytest.raises(ConfigError) as caught:
        read_signature(path, "mine")
    assert str(caught.value).startswith(f"{path}: not valid Python: ")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_signature(tmp_path / "mine.py", "mine")
    assert str(caught.value) == f"{tmp_path / 'mine.py'}: cannot be read (No such file or directory)."
