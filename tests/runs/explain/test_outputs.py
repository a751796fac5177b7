"""Which number of a prediction is explained."""

from __future__ import annotations

import math

import pytest
import torch

from dlrun.data.goals import Part
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.runs.explain.outputs import Question, answer_of
from tests.runs.explain.known import linear, loaded

THREE = DataSpec("dense", (2,), "multiclass", 3, class_names=("a", "b", "c"))
TWO = DataSpec("dense", (2,), "binary", 2, class_names=("no", "yes"))
SEVERAL = DataSpec("dense", (2,), "several", 2, target_mean=(5.0, 0.0), target_std=(2.0, 1.0),
    parts=(Part("price", "regression", ()), Part("colour", "multiclass", ("red", "green", "blue"))),
)  # fmt: skip


def asked(spec: DataSpec, outputs: list[float], **question: str) -> tuple[str, float]:
    row = torch.tensor([outputs])
    run = loaded(spec, linear(torch.zeros(len(outputs), 2)))
    answer = answer_of(run, Question(**question), row)
    return answer.name, float(answer.pick(row)[0])


def test_a_class_is_explained_by_its_log_odds_the_predicted_one_by_default() -> None:
    logits = [math.log(0.2), math.log(0.5), math.log(0.3)]
    assert asked(THREE, logits) == ('log-odds of "b"', pytest.approx(math.log(0.5 / 0.5), abs=1e-6))
    assert asked(THREE, logits, class_name="a") == ('log-odds of "a"', pytest.approx(math.log(0.2 / 0.8)))


def test_the_one_logit_of_two_classes_is_turned_for_the_first() -> None:
    assert asked(TWO, [1.5]) == ('log-odds of "yes"', pytest.approx(1.5))
    assert asked(TWO, [-1.5]) == ('log-odds of "no"', pytest.approx(1.5))
    assert asked(TWO, [1.5], class_name="no") == ('log-odds of "no"', pytest.approx(-1.5))


def test_one_of_several_targets() -> None:
    outputs = [1.5, 0.0, 3.0, 0.0]
    assert asked(SEVERAL, outputs) == ("price", pytest.approx(8.0))  # 5 + 2 * 1.5
    expected = 3 - math.log(2)
    assert asked(SEVERAL, outputs, target="colour") == ('colour: log-odds of "green"', pytest.approx(expected))
    assert asked(SEVERAL, outputs, target="colour", class_name="red")[0] == 'colour: log-odds of "red"'


def test_several_numbers_have_names() -> None:
    spec = DataSpec("dense", (2,), "regression", 2, class_names=("rain+1", "rain+2"))
    assert asked(spec, [1.0, 2.0], target="rain+2") == ("rain+2", pytest.approx(2.0))
    unnamed = DataSpec("dense", (2,), "regression", 2)
    assert asked(unnamed, [1.0, 2.0]) == ("output 1", pytest.approx(1.0))


def test_what_a_run_does_not_predict_is_refused_with_what_it_does() -> None:
    with pytest.raises(ConfigError, match=r'(?s)--class B.*This run has no such class\. Did you mean "b"\?'):
        asked(THREE, [0.0, 1.0, 0.0], class_name="B")
    with pytest.raises(ConfigError, match=r'(?s)--target prize.*This run has no such target\. Did you mean "price"'):
        asked(SEVERAL, [0.0] * 4, target="prize")
    with pytest.raises(ConfigError, match=r'(?s)--class red.*"price" is a number and has no classes; --target chooses'):
        asked(SEVERAL, [0.0] * 4, class_name="red")
