from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only, WritePlugin

ID = "bounded-outputs"
BODY = "nn.Sequential(nn.Linear(spec.num_features, width), nn.ReLU(), nn.Linear(width, {outputs}), nn.{last}())"


@pytest.mark.parametrize(
    ("dataset", "outputs", "last", "message"),
    [
        ("iris", 3, "ReLU", "lie from 0 up, but logits are below 0"),
        ("iris", 3, "Tanh", "lie from -1 to 1, but logits"),
        ("breast_cancer", 1, "Softplus", "lie from 0 up, but logits"),
        ("breast_cancer", 1, "LogSigmoid", "lie up to 0, but logits"),
        ("diabetes", 1, "ReLU", "lie from 0 up, but 54% of the targets"),
        ("diabetes", 1, "Tanh", "lie from -1 to 1, but 40% of the targets"),
        ("diabetes", 1, "Sigmoid", "lie from 0 to 1, but 75% of the targets"),
    ],
)
def test_outputs_that_cannot_reach_the_targets_are_found(
    write_plugin: WritePlugin, only: Only, dataset: str, outputs: int, last: str, message: str
) -> None:
    plugin = write_plugin("ends", BODY.format(outputs=outputs, last=last))
    found = only(ID, f"dataset={dataset}", "model=ends", plugins=(plugin,))
    assert (found.severity, found.key, found.fix) == ("warning", "model", None)
    assert message in found.message


@pytest.mark.parametrize("seed", range(8))
def test_one_weight_and_inputs_of_one_sign_are_not_taken_for_a_bound(check: Examine, seed: int) -> None:
    assert not check("dataset=line", "model=linear", f"seed={seed}")


def test_the_first_rows_of_a_series_are_not_taken_for_all(check: Examine) -> None:
    rows = [10 + i / 10 + i % 7 / 20 + (400 if 100 <= i < 200 else 0) for i in range(300)]  # low at first
    Path("x.csv").write_text("\n".join(["x", *(f"{row:.3f}" for row in rows)]) + "\n")
    assert ID not in [each.id for each in check("dataset=series", "dataset.path=x.csv")]


def test_numbers_that_are_never_negative_may_come_from_a_relu(write_plugin: WritePlugin, check: Examine) -> None:
    plugin = write_plugin("ends", BODY.format(outputs=1, last="Softplus"))
    found = check("dataset=diabetes", "dataset.standardise_target=false", "model=ends", plugins=(plugin,))
    assert ID not in [each.id for each in found]
