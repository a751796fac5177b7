from __future__ import annotations

import shlex
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.configuration import overrides
from dlrun.configuration.override_text import Value, as_text, to_overrides, value_of
from dlrun.configuration.overrides import Request, parse_overrides
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem


def understood(*words: str, multirun: bool = False) -> Request:
    request = parse_overrides(words, Catalog(), multirun=multirun)
    assert request.problems == ()
    return request


def value(word: str) -> Any:
    ((only,),) = understood(word).settings.values()
    return only.value


def problem(word: str, *, multirun: bool = False) -> Problem:
    (only,) = parse_overrides([word], Catalog(), multirun=multirun).problems
    return only


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a=1", 1), ("a=-1", -1), ("a=1e-3", 0.001), ("a=0.5", 0.5), ("a=.5", 0.5), ("a=true", True),
        ("a=FALSE", False), ("a=null", None), ("a=cnn", "cnn"), ("a=no", "no"), ("a=007", "007"),
        ("a=[1,[2,x]]", [1, [2, "x"]]), ("a={b:1}", {"b": 1}),
        ("a='x y'", "x y"), ('a="1"', "1"), ("a=/tmp/x.y", "/tmp/x.y"), ("a=", ""), ("a=-0", 0), ("a=1_000", 1000),
        ("+a=1", 1), ("++a=1", 1),
    ],
)  # fmt: skip
def test_a_word_is_read_in_hydras_grammar(word: str, expected: Any) -> None:
    assert value(word) == expected
    assert type(value(word)) is type(expected)
    assert list(understood(word).settings) == ["a"]


@given(st.from_regex(r"[A-Za-z_][\w.]{0,8}=[-+]?[\w.+-]{1,12}", fullmatch=True))
@settings(deadline=None, max_examples=100)
def test_a_simple_word_is_parsed_as_hydra_parses_it(word: str) -> None:
    found = overrides._parse_simple(word)
    if found is None:
        return
    override = OverridesParser.create().parse_override(word)
    assert found[0] == override.key_or_group
    assert found[1].value == override.value()
    assert type(found[1].value) is type(override.value())


@pytest.mark.parametrize(
    "word", ["a=null", "a=True", "a=nan", "a=inf", "a=1,2", "a=[1]", "hydra.mode=RUN", "a=x y", "a=é", "é=1"]
)
def test_a_word_that_needs_the_grammar_is_not_simple(word: str) -> None:
    assert overrides._parse_simple(word) is None


def test_simple_words_are_parsed_without_importing_hydra() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from dlrun.configuration.overrides import parse_overrides\n"
        "from dlrun.configuration.schema.catalog import Catalog\n"
        "r = parse_overrides(['model=cnn', 'optimizer.lr=1e-3', 'seed=3'], Catalog())\n"
        "print(len(r.settings), 'hydra' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3 False False\n"


def test_the_last_word_for_a_key_wins_and_takes_its_place() -> None:
    assert list(understood("a=1", "b=2", "a=3").settings.items()) == [("b", (Value("2", 2),)), ("a", (Value("3", 3),))]


def test_a_name_chooses_the_option() -> None:
    assert list(understood("device.name=cpu", "model=cnn").settings) == ["device", "model"]


def test_overrides_of_hydras_own_node_are_kept_as_written() -> None:
    request = understood("hydra.run.dir=/tmp/x", "hydra/launcher=basic", "seed=1")
    assert request.hydra == ("hydra.run.dir=/tmp/x", "hydra/launcher=basic")
    assert list(request.settings) == ["seed"]
    assert request.words == ("hydra.run.dir=/tmp/x", "hydra/launcher=basic", "seed=1")


def test_the_text_stays_as_it_was_written() -> None:
    assert understood("a=1e-3").settings["a"] == (Value("1e-3", 0.001),)
    assert understood("a='x y'").settings["a"] == (Value("'x y'", "x y"),)


def test_an_interpolation_is_deferred() -> None:
    assert understood("a=${seed}").settings["a"][0].is_deferred
    assert understood("a=[1,${seed}]").settings["a"][0].is_deferred
    assert not understood("a=x").settings["a"][0].is_deferred


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("a=1,2", [1, 2]),
        ("a=choice(x,y)", ["x", "y"]),
        ("a=range(0,3)", [0, 1, 2]),
        ("a=[1,2],[3]", [[1, 2], [3]]),
        ("a='x,y',z", ["x,y", "z"]),
        ("a=null,true", [None, True]),
        ("model=glob(c*)", ["cnn"]),
    ],
)
def test_a_sweep_takes_each_of_its_values(word: str, values: list[Any]) -> None:
    (taken,) = understood(word, multirun=True).settings.values()
    assert [each.value for each in taken] == values


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("foo", "Expected KEY=VALUE. `dlrun --help` shows the commands."),
        ("=", "Expected KEY=VALUE, without spaces around the equals sign."),
        ("=3", "Expected KEY=VALUE, without spaces around the equals sign."),
        ("a=1,2", "Several values are a sweep: add -m. For a list, write [1,2]."),
        ("~model", "A key cannot be deleted or moved to another package."),
        ("~model=cnn", "A key cannot be deleted or moved to another package."),
        ("model@other=cnn", "A key cannot be deleted or moved to another package."),
        (
            "a=[",
            "Cannot parse it as KEY=VALUE: no viable alternative at input '['. Write lists as [1,2], mappings as "
            "{a: 1}, and quote texts with special characters in them.",
        ),
    ],
)
def test_a_word_that_cannot_be_parsed_is_reported(word: str, message: str) -> None:
    assert problem(word) == Problem(word, message)


@pytest.mark.parametrize("value", ["my file (1).csv", ";", "R&D", "it's", "a=b", 'so "big"', "x [EUR]", "C:\\(x)"])
def test_a_value_with_special_characters_is_shown_as_it_can_be_typed(value: str) -> None:
    start, _, typed = problem(f"dataset.path={value}").message.partition(" for the shell: ")
    assert start == (
        "Cannot parse it as KEY=VALUE: some characters of the value have a meaning of their own. Quote it for dlrun and"
    )
    (word,) = shlex.split(typed)
    assert understood(word).settings["dataset.path"][0].value == value


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("model=glob(zzz*)", "The sweep has no values."),
        ("a=range(0,100001)", "The sweep has more than 100,000 values."),
        ("a=range(0,1000000000000)", "The sweep has more than 100,000 values."),
    ],
)
def test_a_sweep_that_cannot_be_expanded_is_reported(word: str, message: str) -> None:
    assert problem(word, multirun=True) == Problem(word, message)


@pytest.mark.parametrize("word", ["a=" + "9" * 5000, "a=" + "[" * 2000, "a=\x00", "a={'b':1}"])
def test_no_word_makes_the_parser_fail(word: str) -> None:
    assert problem(word).message.startswith("Cannot parse it as KEY=VALUE: ")
    assert problem(word).where.isprintable()
    assert len(problem(word).where) <= 120


def test_every_bad_word_is_reported_and_the_good_ones_are_kept() -> None:
    request = parse_overrides(["foo", "seed=3", "a=["], Catalog())
    assert [found.where for found in request.problems] == ["foo", "a=["]
    assert list(request.settings) == ["seed"]


def test_points_are_not_made_of_words_that_were_not_understood() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_overrides(["foo"], Catalog()).points()
    assert [found.where for found in caught.value.problems] == ["foo"]


def test_points_are_in_the_order_of_hydras_basic_sweeper() -> None:
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    words = ["b=1,2", "model=cnn", "a=x,y,z", "c=[1,2],[3]"]
    (batch,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(words), max_batch_size=None)
    request = understood(*words, multirun=True)
    ours = [[f"{key}={taken.text}" for key, taken in point.settings.items()] for point in request.points()]
    assert ours == [list(point) for point in batch]
    assert [point.label for point in request.points()][:3] == ["b=1 a=x c=[1,2]", "b=1 a=x c=[3]", "b=1 a=y c=[1,2]"]
    assert request.num_points() == 12
    assert request.is_sweep
    assert not understood("a=1").is_sweep


def test_what_a_recipe_sweeps_runs_slowest_and_yields_to_the_user() -> None:
    request = understood("a=1,2", "b=5", multirun=True)
    points = request.points({"seed": (Value("0", 0), Value("1", 1)), "b": (Value("8", 8), Value("9", 9))})
    assert [point.label for point in points] == ["seed=0 a=1", "seed=0 a=2", "seed=1 a=1", "seed=1 a=2"]
    assert {point.settings["b"].value for point in points} == {5}
    assert points[0].from_recipe == {"seed"}


def test_too_many_points_are_refused() -> None:
    request = understood("a=range(0,1000)", "b=range(0,101)", multirun=True)
    assert request.num_points() == 101_000
    with pytest.raises(ConfigError) as caught:
        request.points()
    assert caught.value.problems == [Problem("-m", "The sweep has 101,000 points; at most 100,000 are allowed.")]


def test_a_point_has_its_recipe_choices_and_values() -> None:
    (point,) = understood("recipe=mine", "model=cnn", "model.kernel=3", "seed=1").points()
    assert point.recipe == "mine"
    assert point.choices() == {"model": "cnn"}
    assert point.values() == {"model.kernel": Value("3", 3), "seed": Value("1", 1)}
    assert understood("recipe=null").points()[0].recipe is None


TEXTS = st.text(max_size=12).filter(lambda text: "${" not in text)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() not in ("null", "true", "false", "nan", "inf")
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


@given(TREES)
@settings(deadline=None, max_examples=200)
def test_a_value_as_text_is_read_back_as_it_was(tree: Any) -> None:
    again = OverridesParser.create().parse_override(f"a={as_text(tree)}").value()
    assert again == tree
    assert type(again) is type(tree)


@pytest.mark.parametrize(
    "text", ['"', "\\", '\\"', '\\\\"', "x\\", "'", ",", "a=b", "{[(", " x ", "null", "1", "", "#", "é", "${", "$"]
)
def test_awkward_texts_are_read_back_as_they_were(text: str) -> None:
    if "${" in text:
        assert as_text(text) == '"${"'
    else:
        assert value(f"a={as_text(text)}") == text
        assert value(f"a={as_text([text])}") == [text]


def test_a_value_is_kept_beside_its_text() -> None:
    assert value_of([1, "x", None, True, 0.5]) == Value('[1,"x",null,true,0.5]', [1, "x", None, True, 0.5])
    assert value_of({"lr": 0.1}) == Value("{lr:0.1}", {"lr": 0.1})


def test_groups_are_chosen_and_all_else_is_forced() -> None:
    given_settings = [("model", Value("cnn", "cnn")), ("model.kernel", Value("3", 3)), ("seed", Value("1", 1))]
    assert to_overrides(given_settings) == ["model=cnn", "++model.kernel=3", "++seed=1"]
