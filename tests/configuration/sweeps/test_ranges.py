from __future__ import annotations

import re
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from dlrun.configuration.override_text import Value
from dlrun.configuration.sweeps.ranges import (
    CHOICES_PATTERN,
    GRAMMAR,
    NUMBERS_PATTERN,
    Choices,
    Interval,
    NotARangeError,
    read_range,
    typed,
)

LOG = Interval(1e-4, 1.0, log=True)
CORRECT = [
    "interval(0, 1)", "interval(1e-4,1e-1)", "interval( start=-1 , end=2.5 )", "tag(log, interval(1e-5, 1e-1))",
    "int(interval(1, 8))", "tag(log,int(interval(1,8)))", "float(interval(1,4))", "range(1, 9)", "range(9)",
    "range(9,1,-3)", "range(0,1,0.25)", "choice(relu, tanh)", "choice(1,0.5,true)", "tag(log, range(1,3))",
]  # fmt: skip


@pytest.mark.parametrize("text", CORRECT)
def test_a_range_of_a_recipe_means_what_it_means_to_hydra(text: str) -> None:
    override = OverridesParser.create().parse_override(f"a={text}")
    found = read_range(text)
    if isinstance(found, Interval):
        theirs = override.value()
        assert (found.low, found.high, found.log) == (theirs.start, theirs.end, "log" in theirs.tags)
        assert found.whole == isinstance(theirs.start, int)
        return
    texts = list(override.sweep_string_iterator())
    values = [OverridesParser.create().parse_override(f"a={each}").value() for each in texts]
    assert [each.value for each in found] == values
    assert [type(each.value) for each in found] == list(map(type, values))


@pytest.mark.parametrize("text", CORRECT)
def test_the_pattern_for_editors_accepts_it_too(text: str) -> None:
    assert re.search(NUMBERS_PATTERN, text)
    assert bool(re.search(CHOICES_PATTERN, text)) == text.startswith("choice")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"Expected {GRAMMAR}."),
        ("glob(*)", f"Expected {GRAMMAR}."),
        ("int(range(1,3))", f"Expected {GRAMMAR}."),
        ("interval(1)", "Expected two numbers: interval(1e-4, 1e-1)."),
        ("interval(a, b)", "Expected two numbers: interval(1e-4, 1e-1)."),
        ("interval(${x}, 1)", "Expected two numbers: interval(1e-4, 1e-1)."),
        ("range(a)", "Expected numbers: range(1, 9) or range(0, 1, 0.25)."),
        ("range(1,2,0)", "The step of a range cannot be 0."),
        ("range(2,1)", "The range has no values."),
        ("range(0,1e18)", "The range has more than 1,000 values."),
        ("choice([1],[2])", "Expected names or numbers: choice(A, B). For other values, write a list."),
        (
            "tag(lg, interval(1,2))",
            'There is no tag "lg". A range that is drawn by its logarithm is tag(log, interval(A, B)).',
        ),
        ("choice(" + "a," * 1000 + "a)", "Expected a range, got 2,009 characters."),
    ],
)  # fmt: skip
def test_what_is_no_range_is_told_what_is_expected(text: str, message: str) -> None:
    with pytest.raises(NotARangeError) as caught:
        read_range(text)
    assert str(caught.value) == message


def test_nothing_takes_long_to_be_no_range() -> None:
    for text in (
        "(" * 1999,
        "tag(" * 499,
        "interval(" + "1" * 1900 + ")",
        "choice(" + "a" * 1900 + "!",
        "range(1e999)",
    ):
        with pytest.raises(NotARangeError):
            read_range(text)


@pytest.mark.parametrize(
    ("interval", "share", "expected"),
    [
        (Interval(0.0, 1.0), 0.25, Value("0.25", 0.25)),
        (Interval(0.0, 1.0), 1 / 3, Value("0.333333", 0.333333)),  # six digits
        (LOG, 0.0, Value("0.0001", 0.0001)),
        (LOG, 0.5, Value("0.01", 0.01)),  # half of four decades
        (LOG, 0.25, Value("0.001", 0.001)),
        (Interval(1, 4, whole=True), 0.0, Value("1", 1)),
        (Interval(1, 4, whole=True), 0.24, Value("1", 1)),  # a quarter for each of four
        (Interval(1, 4, whole=True), 0.26, Value("2", 2)),
        (Interval(1, 4, whole=True), 0.99, Value("4", 4)),
        (Interval(8, 512, whole=True, log=True), 0.5, Value("62", 62)),  # the root of 7.5 * 512.5 is 62.0
        (Interval(0.5, 0.50001), 0.5, Value("0.500005", 0.500005)),
        (Interval(1e6, 1e6 + 1), 0.25, Value("1000000.25", 1000000.25)),  # six digits would leave nothing
        (Interval(-1.0, 1.0), 0.75, Value("0.5", 0.5)),
        (Interval(1e-9, 1e-7), 0.0, Value("1e-09", 1e-9)),
    ],
)
def test_a_share_of_an_interval_is_a_number_that_a_user_would_type(
    interval: Interval, share: float, expected: Value
) -> None:
    assert interval.at(share) == expected
    assert type(interval.at(share).value) is type(expected.value)


def test_rounding_stays_inside() -> None:
    interval = Interval(0.12345678, 0.98765432)
    assert interval.examples() == (Value("0.12345678", 0.12345678), Value("0.98765432", 0.98765432))
    assert interval.at(0.9999999999).value == 0.987654
    assert Interval(0.1234564, 1.0).at(0).value == 0.1234564  # not 0.123456, which is outside


def test_all_whole_numbers_are_as_likely() -> None:
    found = [Interval(1, 3, whole=True).at(number / 300).value for number in range(300)]
    assert [found.count(number) for number in (1, 2, 3)] == [100, 100, 100]


def test_an_interval_knows_its_values_by_text_and_place() -> None:
    whole = Interval(3, 5, whole=True)
    assert (whole.size, whole.number(2), Interval(0.0, 1.0).size) == (3, Value("5", 5), None)
    assert whole.read("4") == Value("4", 4)
    assert [whole.read(text) for text in ("6", "4.0", "x", "true")] == [None] * 4
    assert Interval(0.0, 1.0).read("1e-3") == Value("1e-3", 0.001)


def test_choices_share_the_way_evenly() -> None:
    choices = Choices((Value("a", "a"), Value("b", "b")))
    assert [choices.at(share).text for share in (0, 0.49, 0.5, 0.999)] == ["a", "a", "b", "b"]
    assert (choices.size, choices.number(1).text, choices.read("b"), choices.read("c")) == (
        2,
        "b",
        choices.values[1],
        None,
    )
    assert choices.examples() == choices.values


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 2, 4], True), ([0.1, 0.01, 0.001], True), ([1, 2], False), ([1, 3, 2], False), ([1, 2, None], False),
     ([False, 1, 2], False), (["a", "b", "c"], False)],
)  # fmt: skip
def test_three_growing_or_shrinking_numbers_are_in_order(values: list[Any], expected: bool) -> None:
    assert Choices(tuple(Value(str(each), each) for each in values)).are_ordered_numbers is expected


def test_an_interval_takes_the_type_of_its_field() -> None:
    assert typed(Interval(1.0, 8.0), int) == Interval(1, 8, whole=True)
    assert typed(Interval(1, 8, whole=True), float) == Interval(1, 8, whole=True)  # int(...) was asked for
    assert typed(Interval(1.0, 8.0), float) == Interval(1.0, 8.0)
