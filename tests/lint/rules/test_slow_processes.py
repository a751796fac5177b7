from __future__ import annotations

from dlrun.configuration.threads import Work
from dlrun.lint.rules.slow_processes import _shared
from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "slow-processes"


def test_a_small_network_in_two_processes_is_found_and_one_process_mends_it(only: Only, check: Examine) -> None:
    words = ("dataset=digits", "model=mlp", "model.hidden=[32]")
    found = only(ID, *words, "device.processes=2")
    assert (found.severity, found.key, found.fix) == ("warning", "device.processes=2", "device.processes=1")
    assert "2 processes sum the gradients of 2,410 weights" in found.message  # 64 * 32 + 32 + 32 * 10 + 10
    assert not check(*words, found.fix)


def test_large_steps_are_worth_a_sum(check: Examine) -> None:
    words = ("dataset=digits", "model=mlp", "model.hidden=[512,512]", "trainer.batch_size=1000", "device.processes=2")
    assert ID not in [each.id for each in check(*words)]


def test_a_shared_step_has_a_part_of_the_rows_all_weights_and_a_sum() -> None:
    work = Work(operations=1_000_000_000, products=3, activations=2_000_000, weights=1_000_000)
    assert work.total == 3_000_000_000 + 100_000_000 + 50_000_000
    assert _shared(work, 2) == 3_100_000_000 / 2 + 100_000_000 + 400 * 1_000_000
