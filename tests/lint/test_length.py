from __future__ import annotations

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.lint.length import factors, num_evaluations, steps_per_epoch, total_steps
from dlrun.lint.subject import Subject
from dlrun.training.build import build_components

RUN = ("dataset=iris", "model=linear", "trainer.epochs=10", "device=cpu", "device.threads=1")


def subject_of(*words: str) -> Subject:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides((*RUN, *words), catalog), catalog)
    composed = compose(plan, catalog)
    return Subject(composed, build_components(composed.config, catalog), catalog)


def test_steps_are_those_of_the_trainer() -> None:
    found = subject_of("trainer.batch_size=16", "trainer.accumulate=2")  # 108 rows
    assert (steps_per_epoch(found), total_steps(found)) == (4, 40)
    assert total_steps(subject_of("trainer.batch_size=16", "trainer.max_steps=5")) == 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), 10),
        (("trainer.eval_every=3",), 4),  # after 3, 6, 9 and at the end
        (("trainer.eval_every=0",), 1),
        (("trainer.eval_every=0", "trainer.eval_every_steps=20"), 4),  # after 20, 40, 60 of 70 steps and at the end
        (("dataset.val_fraction=0",), 0),
    ],
)
def test_evaluations_are_counted(words: tuple[str, ...], expected: int) -> None:
    assert num_evaluations(subject_of("trainer.batch_size=16", *words)) == expected


def test_factors_are_those_of_the_schedule() -> None:
    found = factors(subject_of("trainer.batch_size=108", "scheduler=exponential", "scheduler.gamma=0.5"))
    assert found == [0.5**epoch for epoch in range(10)]
