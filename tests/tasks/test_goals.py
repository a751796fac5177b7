"""What differs by goal is in dlrun.tasks.goals: shapes, losses and predictions by hand, and no comparison elsewhere."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import get_args

import pytest
import torch

import dlrun
from dlrun.data import spec as data_spec
from dlrun.data.goals import Part
from dlrun.data.spec import DataSpec
from dlrun.tasks.goals import TrainingGoal, goal_of, num_logits

NUMBERS = DataSpec("dense", (2,), "regression", 2, target_mean=(10.0, 0.0), target_std=(2.0, 1.0))
TWO = DataSpec("dense", (2,), "binary", 2, class_names=("no", "yes"))
THREE = DataSpec("dense", (2,), "multiclass", 3, class_names=("a", "b", "c"))
TOKENS = DataSpec("tokens", (7,), "language", 11, vocabulary_size=11)
SEVERAL = DataSpec(
    "dense", (2,), "several", 2, parts=(Part("n", "regression"), Part("c", "multiclass", ("a", "b", "c")))
)
GOALS: dict[str, TrainingGoal] = {spec.goal: goal_of(spec) for spec in (NUMBERS, TWO, THREE, TOKENS, SEVERAL)}


OTHER_NAMES = {("options", "datasets"), ("runs", "export"), ("runs", "serving"), ("runs", "publish")}
"""Where names of goals mean something else too: a dataset's field `task`, or the kind of rows that a file takes."""


def test_there_is_a_class_for_every_goal() -> None:
    assert set(GOALS) == set(get_args(data_spec.Goal))


@pytest.mark.parametrize(
    ("spec", "logits", "shape"),
    [(NUMBERS, 2, (8, 2)), (TWO, 1, (8, 1)), (THREE, 3, (8, 3)), (TOKENS, 11, (8, 7, 11)), (SEVERAL, 4, (8, 4))],
)
def test_shape_of_the_output(spec: DataSpec, logits: int, shape: tuple[int, ...]) -> None:
    assert num_logits(spec) == logits
    assert goal_of(spec).output_shape(spec, 8) == shape


def test_numbers_are_predicted_in_their_own_units() -> None:
    outputs = torch.tensor([[1.0, 3.0], [-1.0, 0.5]])
    found = goal_of(NUMBERS).columns(NUMBERS, outputs, probabilities=False)
    assert found == {"prediction_1": [12.0, 8.0], "prediction_2": [3.0, 0.5]}


def test_one_logit_decides_between_two_classes() -> None:
    outputs = torch.tensor([[0.0], [math.log(3)]])
    found = goal_of(TWO).columns(TWO, outputs, probabilities=True)
    assert found["prediction"] == ["no", "yes"]
    assert found["probability_no"] == pytest.approx([0.5, 0.25])
    assert found["probability_yes"] == pytest.approx([0.5, 0.75])
    assert set(goal_of(TWO).columns(TWO, outputs, probabilities=False)) == {"prediction"}


def test_the_likeliest_of_several_classes_is_predicted() -> None:
    found = goal_of(THREE).columns(THREE, torch.tensor([[0.0, math.log(2), 0.0]]), probabilities=True)
    assert found["prediction"] == ["b"]
    assert [found[f"probability_{name}"][0] for name in "abc"] == pytest.approx([0.25, 0.5, 0.25])


def _names(node: ast.AST | None) -> set[object]:
    """Return the names of goals that a piece of code contains as strings."""
    found = ast.walk(node) if node is not None else ()
    return {part.value for part in found if isinstance(part, ast.Constant)} & set(GOALS)


def _compares_goal(node: ast.AST, *, datasets: bool) -> bool:
    """Return whether code depends on the name of a goal; in datasets, whose field `task` has the same names, less."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        is_goal = any(ast.unparse(side).split(".")[-1] == "goal" for side in sides)
        return (is_goal or not datasets) and any(map(_names, sides))
    if datasets:
        return False
    return (isinstance(node, ast.Dict) and any(map(_names, node.keys))) or (
        isinstance(node, ast.MatchValue) and bool(_names(node.value))
    )


def test_no_other_file_compares_the_name_of_a_goal() -> None:
    package = Path(dlrun.__file__).parent
    found = []
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        if str(place) in ("tasks/goals.py", "data/goals.py"):
            continue
        datasets = place.parts[0] == "data" or place.parts[:2] in OTHER_NAMES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if _compares_goal(node, datasets=datasets):
                found.append(f"{place}: {ast.unparse(node)}")
    assert found == []


@pytest.mark.parametrize(
    ("code", "datasets", "expected"),
    [
        ("spec.goal == 'binary'", True, True),
        ("goal in ('binary', 'regression')", True, True),
        ("task == 'regression'", True, False),
        ("task == 'regression'", False, True),
        ("{'language': 1}.get(spec.goal)", False, True),
        ("spec.kind == 'image'", False, False),
    ],
)
def test_comparisons_are_recognised(code: str, datasets: bool, expected: bool) -> None:
    assert any(_compares_goal(node, datasets=datasets) for node in ast.walk(ast.parse(code))) is expected
