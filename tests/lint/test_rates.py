from __future__ import annotations

import math
import time

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.lint.examine import Examiner
from dlrun.lint.rates import Rates


@pytest.mark.parametrize(
    ("lr", "expected"),
    [
        (0.05, 1.0),  # below a rate that is calm
        (0.1, 1.0),
        (0.19, 1.0),  # less than twice it
        (0.3, None),  # to be tried
        (1.5, 40.0),  # less than twice a rate that explodes
        (3.0, None),
        (20.0, math.inf),  # above a rate that diverges
    ],
)
def test_similar_rates_are_not_tried_again(lr: float, expected: float | None) -> None:
    assert Rates({0.1: 1.0, 1.0: 40.0, 10.0: math.inf}).known(lr) == expected


def test_hundreds_of_rates_are_judged_in_a_second() -> None:
    rates = ",".join(f"{10 ** (-8 + 10 * number / 249):.6g}" for number in range(250))
    words = ("dataset=iris", "model=mlp", f"optimizer.lr={rates}", "device=cpu", "device.threads=1")
    catalog = Catalog()
    composed = [compose(plan, catalog) for plan in plan_runs(parse_overrides(words, catalog, multirun=True), catalog)]
    examiner = Examiner(catalog)
    started = time.process_time()
    found = [examiner.examine(each).findings for each in composed]
    assert time.process_time() - started < 5  # about 1 s on a quiet machine
    judged = [[finding.id for finding in findings] for findings in found]
    assert judged[0] == ["learning-rate-too-low"]
    assert judged[150] == []  # 0.01
    assert judged[-1] == ["learning-rate-too-high"]
    first = judged.index(["learning-rate-too-high"])
    assert 0.03 < composed[first].config.optimizer["lr"] < 1
    assert all(ids == ["learning-rate-too-high"] for ids in judged[first:])
