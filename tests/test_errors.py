from __future__ import annotations

import time

import pytest

from dlrun import errors
from dlrun.errors import ConfigError, Problem, did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "code"),
    [("ConfigError", 2), ("DataError", 3), ("DivergedError", 4), ("StorageError", 5), ("PromiseError", 6)],
)
def test_each_class_has_its_exit_code(name: str, code: int) -> None:
    error = getattr(errors, name)("what happened")
    assert isinstance(error, errors.DlrunError)
    assert error.exit_code == code
    assert str(error) == "what happened"


def test_an_interruption_exits_with_128_and_the_signal() -> None:
    assert errors.Interrupted(2, "stopped").exit_code == 130
    assert errors.Interrupted(15, "stopped").exit_code == 143


def test_one_problem_is_reported_in_the_singular() -> None:
    error = ConfigError(Problem("seed=x", "Expected a number."))
    assert str(error) == "1 problem in the configuration:\n  seed=x\n      Expected a number."


def test_the_same_problem_is_reported_once() -> None:
    twice = [Problem("a", "One."), Problem("b", "Two."), Problem("a", "One.")]
    error = ConfigError(twice)
    assert error.problems == [Problem("a", "One."), Problem("b", "Two.")]
    assert str(error) == "2 problems in the configuration:\n  a\n      One.\n  b\n      Two."


def test_a_title_replaces_the_count() -> None:
    assert str(ConfigError([Problem("a", "One.")], title="In the file")) == "In the file:\n  a\n      One."


def test_a_text_alone_has_no_problems() -> None:
    error = ConfigError("cannot be read")
    assert (str(error), error.problems) == ("cannot be read", [])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("modle", "model"),
        ("MODEL", "model"),
        ("Modle", "model"),
        ("opt", "optimizer"),
        ("optimiser", "optimizer"),
        ("model", "model"),
        ("zzz", None),
        ("m", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_found_whatever_its_case(written: str, meant: str | None) -> None:
    assert nearest(written, ["model", "optimizer", "trainer"]) == meant


def test_the_shortest_name_with_that_beginning_is_nearest() -> None:
    assert nearest("cro", ["cross_entropy_with_weights", "cross_entropy_of_all"]) == "cross_entropy_of_all"


def test_a_huge_name_is_compared_in_no_time() -> None:
    start = time.process_time()
    assert nearest("q" * 1_000_000, ["model", "optimizer"]) is None
    assert time.process_time() - start < 0.5


def test_a_hint_offers_the_nearest_with_its_prefix() -> None:
    assert did_you_mean("epoch", ["epochs", "max_steps"], prefix="trainer.") == 'Did you mean "trainer.epochs"?'


def test_a_hint_lists_few_choices_when_none_is_near() -> None:
    assert did_you_mean("zzz", ["b", "a"], prefix="x.") == "Choose from: x.a, x.b."


def test_a_hint_is_silent_about_many_choices_or_none() -> None:
    assert did_you_mean("zzz", [f"name{i}" for i in range(25)]) == ""
    assert did_you_mean("zzz", []) == ""
