from __future__ import annotations

import pytest

from dlrun.lint.cures import changed, first_cure, has_field, override
from dlrun.lint.subject import Subject
from tests.lint.test_length import subject_of


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("dataset.standardise", True, "dataset.standardise=true"),
        ("optimizer.lr", 1.5e-4, "optimizer.lr=0.00015"),
        ("model.norm", "batch", "model.norm=batch"),
    ],
)
def test_a_change_is_written_as_the_user_types_it(key: str, value: object, expected: str) -> None:
    assert override(key, value) == expected


def test_a_changed_run_is_built_anew_and_the_first_stays_as_it_is() -> None:
    subject = subject_of("dataset=iris", "model=mlp")
    other = changed(subject, ("model.init", "zeros"))
    assert sum(float(each.detach().abs().sum()) for each in other.task.parameters()) == 0
    assert sum(float(each.detach().abs().sum()) for each in subject.task.parameters()) > 0
    assert other.data is subject.data
    raw = changed(subject, ("dataset.standardise", False))
    assert float(raw.data.train.fetch(slice(None)).inputs.mean()) > 1  # centimetres


def test_the_first_change_that_mends_and_that_the_option_has_is_the_cure() -> None:
    subject = subject_of("dataset=iris", "model=mlp")
    changes = [
        ("model.pool", "max"),  # an mlp has none
        ("model.norm", "none"),  # as it is
        ("model.norm", "batch"),
        ("model.norm", "layer"),
    ]

    def is_layer(other: Subject) -> bool:
        return other.value("model.norm") == "layer"

    assert first_cure(subject, changes, is_layer) == "model.norm=layer"
    assert first_cure(subject, changes[:2], is_layer) is None
    assert has_field(subject, "model.norm")
    assert not has_field(subject, "model.pool")
