"""dlrun.cli.command: words sorted, mistakes told."""

from __future__ import annotations

import pytest

from dlrun.cli.command import VERBS, parse
from dlrun.cli.main import _HANDLERS
from dlrun.errors import ConfigError


def test_the_verb_may_be_left_out() -> None:
    assert parse(["model=mlp"]).verb == "train"
    assert parse([]).verb == "train"
    assert parse(["train", "model=mlp"]).words == ["model=mlp"]
    assert parse(["-m", "model=mlp,cnn"]).has("multirun")


def test_flags_may_stand_anywhere() -> None:
    command = parse(["--quiet", "show", "model=mlp", "--why", "model.hidden", "--debug"])
    assert command.verb == "show"
    assert command.words == ["model=mlp"]
    assert command.last("why") == "model.hidden"
    assert command.has("quiet")
    assert command.has("debug")


def test_a_flag_takes_its_value_with_or_without_equals() -> None:
    assert [str(path) for path in parse(["--plugin", "a.py", "--plugin=b.py"]).paths("plugin")] == ["a.py", "b.py"]


def test_hydras_flags_are_kept_for_hydra() -> None:
    assert parse(["--cfg", "job", "--resolve", "model=mlp"]).hydra_flags == ["--cfg", "job", "--resolve"]
    assert parse(["--info", "searchpath"]).hydra_flags == ["--info", "searchpath"]
    assert parse(["--info", "model=mlp"]).words == ["model=mlp"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["trian"], 'trian\n      There is no such command. Did you mean "train"?'),
        (["--quite"], '--quite\n      There is no such flag. Did you mean "--quiet"?'),
        (["--why"], "--why\n      Expected a value after it."),
        (["-z"], "-z\n      There is no such flag."),
    ],
)
def test_mistakes_are_told_with_the_nearest_name(argv: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(argv)
    assert message in str(caught.value)


def test_every_verb_has_a_handler_and_a_line_of_help() -> None:
    assert set(VERBS) == set(_HANDLERS)
