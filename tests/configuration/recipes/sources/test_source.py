from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dlrun.configuration.recipes.sources.source import Source, read_hash, read_source, shorten, split_pin
from dlrun.errors import ConfigError, Problem

HEX = "0123456789abcdef" * 4


def test_a_file_is_read_once_with_its_hash() -> None:
    Path("mine.yaml").write_bytes(b"seed: 1\n")
    source = read_source(Path("mine.yaml"), "file")
    assert (source.name, source.shown, source.kind, source.content) == ("mine", "mine.yaml", "file", b"seed: 1\n")
    assert source.sha256 == hashlib.sha256(b"seed: 1\n").hexdigest()


def test_a_copy_of_a_fetched_file_is_called_by_its_name_not_by_its_hash() -> None:
    assert read_or_make("file").file_name == "a.yml"
    assert read_or_make("https").file_name == "x.yaml"


def read_or_make(kind: str) -> Source:
    return Source("x", Path("folder/a.yml"), "shown", kind, b"")  # type: ignore[arg-type]


def test_a_reference_may_end_in_a_hash() -> None:
    assert split_pin("mlp_digits", "w") == ("mlp_digits", None)
    assert split_pin(f"./a@b.yaml@sha256:{HEX}", "w") == ("./a@b.yaml", HEX)
    assert split_pin(f"https://h/x@sha256:{HEX.upper()}", "w") == ("https://h/x", HEX)
    assert split_pin(f"sha256:{HEX}", "w") == (f"sha256:{HEX}", None)
    assert split_pin("runs/a@sha256:b/config.yaml", "w") == ("runs/a@sha256:b/config.yaml", None)


@pytest.mark.parametrize("text", ["", HEX[:-1], f"{HEX}0", "g" * 64, "١" * 64])
def test_another_hash_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        split_pin(f"x@sha256:{text}", "recipe=x")
    what = f'Expected the 64 hexadecimal digits of a SHA-256 after "sha256:", got "{text}".'
    assert caught.value.problems == [Problem("recipe=x", what)]
    with pytest.raises(ConfigError):
        read_hash(text, "recipe=x")


def test_messages_show_no_password_and_no_control_characters() -> None:
    assert shorten("https://user:secret@h/x") == "https://***@h/x"
    assert shorten("git+ssh://git@h/x") == "git+ssh://git@h/x"
    assert shorten("a\x1b[31m") == "a\\x1b[31m"
    assert len(shorten("a" * 1000)) == 400
