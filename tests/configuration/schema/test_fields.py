from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from dlrun.configuration.schema import fields, groups
from dlrun.configuration.schema.fields import (
    DataPath,
    LocalPath,
    NetworkAddress,
    Range,
    Url,
    WrittenPath,
    has_mark,
    is_optional,
)
from dlrun.configuration.schema.type_check import describe_type, find_mismatches
from dlrun.wording import printable, printable_key, show


@dataclass
class Stop:
    patience: fields.Count | None = None
    rate: float = 0.0


def said(kind: Any, value: Any, *, key: str) -> list[tuple[str, str]]:
    """Each mismatch's key and message."""
    return [wrong[:2] for wrong in find_mismatches(kind, value, key=key)]


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Range(low=1), "from 1 up"),
        (Range(low=0, high=64), "from 0 to 64"),
        (Range(high=5), "at most 5"),
        (Range(above=0), "above 0"),
        (Range(above=0, high=1000), "above 0, at most 1000"),
        (Range(low=0, below=1), "from 0 and below 1"),
        (Range(below=1), "below 1"),
        (Range(low=1, high=1_000_000_000), "from 1 to 1000000000"),
        (Range(), ""),
    ],
)
def test_a_range_says_its_bounds(bounds: Range, words: str) -> None:
    assert str(bounds) == words


@pytest.mark.parametrize(
    ("bounds", "value", "inside"),
    [
        (Range(low=0), 0, True),
        (Range(low=0), -1, False),
        (Range(high=2), 2, True),
        (Range(high=2), 3, False),
        (Range(above=0), 0, False),
        (Range(above=0), 0.1, True),
        (Range(below=1), 1, False),
        (Range(below=1), 0.9, True),
    ],
)
def test_low_and_high_are_inside_above_and_below_are_not(bounds: Range, value: float, inside: bool) -> None:
    assert bounds.holds(value) is inside


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (int, "a whole number"),
        (float, "a number"),
        (bool, "true or false"),
        (str, "a string"),
        (list, "a list"),
        (Any, "anything"),
        (fields.Width, "a whole number from 1 to 65536"),
        (list[fields.Width], "a list, each a whole number from 1 to 65536"),
        (fields.Count | None, "a whole number from 1 to 1000000000 or null"),
        (Literal["a", "b"] | int, "one of a, b or a whole number"),
        (dict[str, Any], "a mapping"),
        (Stop, "a mapping of patience, rate"),
        (bytes, "bytes"),
    ],
)
def test_a_type_is_described_in_words(kind: Any, words: str) -> None:
    assert describe_type(kind) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (0.5, "0.5"),
        ("a", '"a"'),
        ([1, "a"], '[1, "a"]'),
        ([], "[]"),
        (list(range(9)), "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
        ({"a": None}, "{a: null}"),
    ],
)
def test_a_value_is_shown_as_the_user_would_write_it(value: Any, text: str) -> None:
    assert show(value) == text


def test_a_number_too_long_to_print_is_shown_in_words() -> None:
    assert show(10**5000) == "a number of thousands of digits"


def test_escape_codes_cannot_reach_the_terminal() -> None:
    assert printable("\x1b[31mred\u202e") == "\\x1b[31mred\\u202e"


def test_a_long_text_is_cut() -> None:
    assert printable("abcdef", limit=4) == "abc…"
    assert printable("abcd", limit=4) == "abcd"
    assert len(printable("\x1b" * 1000)) == 120


def test_a_letter_that_only_looks_like_ascii_is_escaped_in_a_key() -> None:
    assert printable_key("m\u043edel") == "m\\u043edel"
    assert printable_key("model") == "model"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, 3),
        (float, 3),
        (float, 0.5),
        (bool, True),
        (str, "x"),
        (Any, object()),
        (list, [1]),
        (fields.Count | None, None),
        (fields.Fraction, 0),
        (Literal["a", "b"], "a"),
        (Literal["same"] | int, 4),
        (list[int], []),
        (list[int] | Literal["none"], [1]),
        (dict[str, Any], {"lr": 0.1}),
        (dict, {"test/accuracy": [0, 1]}),
        (Stop, {"patience": 3}),
        (Stop, {}),
    ],
)
def test_a_value_that_fits_has_no_mismatch(kind: Any, value: Any) -> None:
    assert find_mismatches(kind, value, key="k") == []


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (int, True, "Expected a whole number, got true."),
        (int, 1.0, "Expected a whole number, got 1.0."),
        (float, "fast", 'Expected a number, got "fast".'),
        (float, float("nan"), "Expected a number, got nan."),
        (float, float("inf"), "Expected a number, got inf."),
        (float, 10**400, f"Expected a number, got {printable(str(10**400))}."),
        (float, True, "Expected a number, got true."),
        (bool, 1, "Expected true or false, got 1."),
        (bool, "no", 'Expected true or false, got "no".'),
        (str, 1, "Expected a string, got 1."),
        (fields.Fraction, 1, "Expected a number from 0 and below 1, got 1."),
        (fields.Width, 10**9, "Expected a whole number from 1 to 65536, got 1000000000."),
        (Literal["max", "avg"], "mx", 'Expected one of max, avg, got "mx". Did you mean "max"?'),
        (Literal["max", "avg"], "zzz", 'Expected one of max, avg, got "zzz".'),
        (Literal["max", "avg"], "MAX", 'Expected one of max, avg, got "MAX". Did you mean "max"?'),
        (Literal[1], True, "Expected one of 1, got true."),
        (Literal["same"] | int, "smae", 'Expected one of same or a whole number, got "smae". Did you mean "same"?'),
        (list[int], 3, "Expected a list, each a whole number, got 3."),
        (dict, [1], "Expected a mapping, got [1]."),
        (dict[str, Any], {"a b": 1}, "Expected a mapping, got {a b: 1}."),
        (dict[str, Any], {"null": 1}, "Expected a mapping, got {null: 1}."),
        (Stop, 3, "Expected a mapping of patience, rate, got 3."),
    ],
)
def test_a_mismatch_says_what_was_expected_and_what_came(kind: Any, value: Any, message: str) -> None:
    assert said(kind, value, key="k") == [("k", message)]


@pytest.mark.parametrize(
    ("kind", "value", "fix"),
    [
        (Literal["max", "avg"], "mx", "k=max"),
        (fields.Duration, "10 minutes", "k=10m"),
        (fields.Width, 0, None),  # nothing near is known
        (fields.Width, "64", "k=64"),
        (fields.Width, "0", None),
        (fields.Width, 64.0, "k=64"),
        (fields.Width, [64], "k=64"),
        (fields.AutoWidths, 64, "k=[64]"),
        (list[str], "a", 'k=["a"]'),
        (fields.LearningRate, "1e-3", "k=0.001"),
        (fields.LearningRate, "fast", None),
        (bool, "no", "k=false"),
        (fields.AutoBool, "Yes", "k=true"),
        (Stop, 3, None),
        (list[Literal["max"]], ["mx"], None),  # no override sets one entry of a list
    ],
)
def test_a_wrong_value_comes_with_the_override_that_mends_it(kind: Any, value: Any, fix: str | None) -> None:
    assert [wrong[2:] for wrong in find_mismatches(kind, value, key="k")] == [("wrong-value", fix)]


def test_a_mistyped_field_of_a_mapping_keeps_its_value_in_the_override_that_mends_it() -> None:
    found = find_mismatches(Stop, {"patince": 3, "zzzz": 1}, key="stop")
    assert [wrong[2:] for wrong in found] == [("unknown-key", "stop.patience=3"), ("unknown-key", None)]


def test_every_wrong_entry_of_a_list_is_reported_with_its_place() -> None:
    assert said(list[int], [1, "a", None], key="k") == [
        ("k[1]", 'Expected a whole number, got "a".'),
        ("k[2]", "Expected a whole number, got null."),
    ]


def test_every_wrong_field_of_a_mapping_is_reported_with_its_key() -> None:
    assert said(Stop, {"patince": 3, "rate": "x"}, key="stop") == [
        ("stop.patince", 'stop has no field "patince". Did you mean "stop.patience"?'),
        ("stop.rate", 'Expected a number, got "x".'),
    ]


def test_a_type_with_null_is_optional() -> None:
    assert is_optional(fields.Count | None)
    assert not is_optional(fields.Count)
    assert not is_optional(int | str)


def test_an_address_is_found_inside_a_list_or_a_choice() -> None:
    assert has_mark(Url, NetworkAddress)
    assert has_mark(list[Url], NetworkAddress)
    assert has_mark(list[Url] | None, NetworkAddress)
    assert not has_mark(Annotated[str, Range()], NetworkAddress)
    assert not has_mark(list[str], NetworkAddress)
    assert not has_mark(Url, LocalPath)
    assert has_mark(DataPath | None, LocalPath)


@pytest.mark.parametrize("value", ["auto", [], [3, 65_536]])
def test_a_list_may_be_auto(value: Any) -> None:
    assert find_mismatches(fields.AutoWidths, value, key="k") == []


@pytest.mark.parametrize(
    ("value", "key", "message"),
    [
        ("aut", "k", 'Expected a list, each a whole number from 1 to 65536 or auto, got "aut".'),
        ([3, 0], "k[1]", "Expected a whole number from 1 to 65536, got 0."),
    ],
)
def test_a_wrong_value_of_a_list_that_may_be_auto_is_named(value: Any, key: str, message: str) -> None:
    assert said(fields.AutoWidths, value, key="k") == [(key, message)]


def numbers_in(kind: Any, marks: tuple[Any, ...] = ()) -> list[tuple[Any, tuple[Any, ...]]]:
    """Every int and float inside a type, with the marks of the type directly around it."""
    if kind in (int, float):
        return [(kind, marks)]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        return [found for each in hints.values() for found in numbers_in(each)]
    inner = getattr(kind, "__metadata__", ())
    if inner:
        return numbers_in(kind.__origin__, inner)
    return [found for each in typing.get_args(kind) for found in numbers_in(each)]


ALL_FIELDS = [
    (f"{group}={name}", field)
    for group in groups.GROUPS
    for name in groups.builtin_names(group)
    for field in groups.builtin_option(group, name).fields.values()
]


def test_every_number_of_every_option_has_both_bounds() -> None:
    unbounded = [
        f"{option}: {field.name}"
        for option, field in ALL_FIELDS
        for _, marks in numbers_in(field.kind)
        if not any(
            isinstance(mark, Range)
            and (mark.low is not None or mark.above is not None)
            and (mark.high is not None or mark.below is not None)
            and math.isfinite(mark.high if mark.high is not None else mark.below or 0)
            for mark in marks
        )
    ]
    assert unbounded == []
    assert sum(len(numbers_in(field.kind)) for _, field in ALL_FIELDS) > 250


def test_only_folders_that_are_written_to_are_marked_so() -> None:
    marked = {f"{option}.{field.name}" for option, field in ALL_FIELDS if has_mark(field.kind, WrittenPath)}
    downloads = {f"dataset={name}.root" for name in ("mnist", "fashion_mnist", "cifar10")}
    assert marked == {*downloads, "logger=mlflow.folder"}


def test_a_number_for_a_text_is_shown_as_it_can_be_typed() -> None:
    (wrong,) = find_mismatches(str | list[str] | None, 2019, key="dataset.target")
    assert wrong[1].endswith(
        ", got 2019. To give it as a text, quote it for dlrun and for the shell: 'dataset.target=\"2019\"'"
    )
    assert wrong[3] == 'dataset.target="2019"'
