from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.configuration import safe_yaml
from dlrun.configuration.safe_yaml import Bounds, check_data, line_of, parse_scalar, parse_yaml, read_yaml
from dlrun.errors import ConfigError, Problem


def refusal(text: str | bytes, **bounds: int) -> str:
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError) as caught:
        parse_yaml(raw, name="r.yaml", bounds=Bounds(**bounds))
    return str(caught.value)


def test_a_mapping_is_read() -> None:
    text = b"# a comment\nmodel: {name: mlp, hidden: [128, 64]}\nseed: 3\ntitle: |\n  two\n  lines\nnone:\n"
    assert parse_yaml(text, name="r.yaml") == {
        "model": {"name": "mlp", "hidden": [128, 64]},
        "seed": 3,
        "title": "two\nlines\n",
        "none": None,
    }


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n...\n"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    assert parse_yaml(text.encode(), name="r.yaml") == {}


def test_a_byte_order_mark_of_utf_8_is_passed_over() -> None:
    assert parse_yaml(b"\xef\xbb\xbfseed: 1", name="r.yaml") == {"seed": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-7", -7), ("+7", 7), ("0", 0), ("1e-3", 0.001), ("1.", 1.0), (".5", 0.5), ("-1.5E3", -1500.0),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("null", None), ("~", None),
        ("", None), ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("010", "010"), ("0o10", "0o10"),
        ("0x1F", "0x1F"), ("1_000", "1_000"), ("12:30:45", "12:30:45"), ("2026-01-01", "2026-01-01"), (".nan", ".nan"),
        (".inf", ".inf"), ("tRUE", "tRUE"), ("12345678901234567890", 12345678901234567890.0), ("=", "="),
    ],
)  # fmt: skip
def test_a_parse_scalar_has_the_value_that_it_seems_to_have(text: str, value: Any) -> None:
    assert parse_scalar(text) == value
    assert type(parse_scalar(text)) is type(value)


@pytest.mark.parametrize("text", ["'3'", '"3"', "|-\n  3", ">-\n  3"])
def test_what_is_quoted_stays_a_text(text: str) -> None:
    assert parse_yaml(f"a: {text}".encode(), name="r.yaml") == {"a": "3"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "r.yaml: expected a mapping of keys to values."),
        ("text", "r.yaml: expected a mapping of keys to values."),
        ("a: 1\n---\nb: 2", "r.yaml:2: contains more than one document."),
        ("a: &x 1", "r.yaml:1: anchors (&name) are not allowed; write the value itself."),
        ("a: 1\nb: *x", "r.yaml:2: aliases (*name) are not allowed; write the value itself."),
        ("a: !!str 1", "r.yaml:1: tags (tag:yaml.org,2002:str) are not allowed; a recipe is data, never code."),
        ("a: !x 1", "r.yaml:1: tags (!x) are not allowed; a recipe is data, never code."),
        ("<<: {a: 1}", "r.yaml:1: merge keys (<<) are not allowed."),
        ("a: 1\na: 2", 'r.yaml:2: duplicate key "a".'),
        ("1: 2", "r.yaml:1: expected a name as key, got 1."),
        ("null: 2", "r.yaml:1: expected a name as key, got None."),
        ("[a]: 2", "r.yaml:1: expected a name as key, got ['a']."),
        ('a: "\\e[31m"', "r.yaml:1: contains a control character (\\x1b)."),
        ("a: x\u202ey", "r.yaml:1: contains a control character (\\u202e)."),
        ("a\u200bb: x", "r.yaml:1: contains a control character (\\u200b)."),
        ("a: 1e999", "r.yaml:1: 1e999 is too large a number."),
        ("a: [1", "r.yaml:2: not valid YAML: did not find expected ',' or ']'."),
        ("a: 'x", "r.yaml:1: not valid YAML: found unexpected end of stream."),
        ("a: b: c", "r.yaml:1: not valid YAML: mapping values are not allowed in this context."),
        (b"a: \xff", "r.yaml: not UTF-8 text (byte 3)."),
        ("a: 1".encode("utf-16"), "r.yaml: not UTF-8 text (byte 0)."),
    ],
)
def test_what_is_more_than_data_is_refused_with_its_line(text: str | bytes, message: str) -> None:
    assert refusal(text) == message


def test_a_nul_byte_is_refused() -> None:
    assert refusal(b"a: x\x00y") == "r.yaml:1: contains a control character (\\x00)."


def test_bytes_are_bounded() -> None:
    assert parse_yaml(b"a: 1", name="r.yaml", bounds=Bounds(max_bytes=4)) == {"a": 1}
    assert refusal("a: 12", max_bytes=4) == "r.yaml: larger than 4 bytes, the limit for a recipe."


def test_depth_is_bounded() -> None:
    assert parse_yaml(b"a: [[1]]", name="r.yaml", bounds=Bounds(max_depth=4)) == {"a": [[1]]}
    assert refusal("a: [[1]]", max_depth=3) == "r.yaml:1: nested deeper than 3 levels."


def test_values_are_bounded() -> None:
    assert parse_yaml(b"a: [1, 2]", name="r.yaml", bounds=Bounds(max_nodes=5)) == {"a": [1, 2]}
    assert refusal("a: [1, 2]", max_nodes=4) == "r.yaml:1: more than 4 values."


def read_or_refused(raw: bytes) -> bool:
    """Whether bytes gave a mapping or an error that names the file."""
    try:
        return isinstance(parse_yaml(raw, name="r.yaml"), dict)
    except ConfigError as error:
        return str(error).startswith("r.yaml")


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=300)
def test_random_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    assert read_or_refused(raw)


@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@`,? \n\t<=~1.e\u202e", max_size=60))
@settings(deadline=None, max_examples=300)
def test_random_punctuation_is_read_or_refused_and_nothing_else(text: str) -> None:
    assert read_or_refused(text.encode())


def test_a_file_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "no.yaml"
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path}: cannot be read (No such file or directory)."


def test_a_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(tmp_path)
    assert str(caught.value) == f"{tmp_path}: expected a file, got a folder."


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path}: expected a file, got a pipe or a device."


def test_a_device_is_not_read() -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(Path("/dev/zero"))
    assert str(caught.value) == "/dev/zero: expected a file, got a pipe or a device."


def test_a_file_without_permission_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("seed: 1")

    def refuse(*_: object) -> int:  # root may read whatever the mode says
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(safe_yaml.os, "open", refuse)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path}: cannot be read (Permission denied)."


def test_escape_codes_in_a_file_name_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31m.yaml"
    path.write_text("- 1")
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{tmp_path}/\\x1b[31m.yaml: expected a mapping of keys to values."


def test_a_large_file_is_read_no_further_than_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)  # a sparse file of a TiB
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path}: larger than 65,536 bytes, the limit for a recipe."


def test_the_line_of_a_value_is_found(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("# about\ndefaults:\n  - model: cnn\n  - _self_\nmodel:\n  name: mlp\n  hidden: [1]\n")
    assert line_of(path, "model") == 5
    assert line_of(path, "model", "hidden") == 7
    assert line_of(path, "defaults", "model") == 3
    assert line_of(path, "model", "kernel") is None
    assert line_of(path, "model", "name", "deeper") is None


@pytest.mark.parametrize(
    ("tree", "where", "message"),
    [
        ({"a": {"_target_": "x"}}, "a._target_", 'A recipe is data, never code; it cannot contain "_target_".'),
        ({"a": [{"_args_": 1}]}, "a[0]._args_", 'A recipe is data, never code; it cannot contain "_args_".'),
        ({"a": {"hydra": 1}}, "a.hydra", "A recipe cannot set Hydra's own configuration."),
        ({"+hydra.run": 1}, "+hydra.run", "A recipe cannot set Hydra's own configuration."),
        (
            {"defaults": []},
            "defaults",
            "A recipe cannot change the defaults list; name options instead (model: {name: mlp}).",
        ),
        ({"a${b}": 1}, "a${b}", "A recipe cannot contain interpolations."),
        ({"a": ["${b}"]}, "a[0]", 'A recipe cannot contain interpolations, got "${b}"; write the value itself.'),
    ],
)
def test_what_hydra_would_act_upon_is_refused_anywhere(tree: dict[str, Any], where: str, message: str) -> None:
    assert check_data(tree) == [Problem(where, message)]


def test_plain_data_is_let_pass() -> None:
    assert check_data({"model": {"name": "_x", "hidden": [1, None, "$5 {a}"]}}) == []
