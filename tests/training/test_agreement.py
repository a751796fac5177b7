"""A request to stop counts once all processes have heard it."""

from __future__ import annotations

import signal

import pytest

from dlrun.errors import Interrupted
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.wishes import Wish
from dlrun.optim.finite import NotFinite
from dlrun.training.agreement import AgreedStop, agreed
from dlrun.training.signals import StopRequest


class _TwoInStep(Group):
    """A group of two whose other process wishes what is in `other`."""

    def __init__(self) -> None:
        super().__init__(0, 2)
        self.other = [0.0] * len(Wish)

    def exchange_wishes(self) -> None:
        self.wishes.hear([a + b for a, b in zip(self.wishes.own(), self.other, strict=True)])


def test_a_process_alone_needs_no_agreement() -> None:
    own = StopRequest()
    assert agreed(own, Group()) is own


def test_a_signal_counts_after_the_exchange_only() -> None:
    own, group = StopRequest(), _TwoInStep()
    stop = AgreedStop(own, group)
    own.signal = signal.SIGTERM
    assert not stop.pending
    stop.raise_if_requested()
    stop.after_step()
    assert stop.pending
    assert stop.signal == signal.SIGTERM
    with pytest.raises(Interrupted):
        stop.raise_if_requested()


def test_a_signal_of_the_other_process_counts_too() -> None:
    group = _TwoInStep()
    stop = AgreedStop(StopRequest(), group)
    group.other = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    with pytest.raises(Interrupted) as found:
        stop.raise_if_agreed("Stopped while testing.")
    assert found.value.exit_code == 130
    assert str(found.value) == "Stopped while testing."


def test_saving_is_requested_once() -> None:
    own, group = StopRequest(), _TwoInStep()
    stop = AgreedStop(own, group)
    own.save_requested = True
    stop.after_step()
    assert stop.pending
    assert stop.save_requested
    assert not own.save_requested


def test_the_time_limit_of_any_process_ends_all() -> None:
    group = _TwoInStep()
    stop = AgreedStop(StopRequest(), group)
    group.other = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    stop.after_step()
    assert stop.is_time_up
    assert stop.pending


def test_a_number_that_is_not_finite_in_one_process_ends_all() -> None:
    group = _TwoInStep()
    stop = AgreedStop(StopRequest(), group)
    stop.saw_not_finite = True
    with pytest.raises(NotFinite):
        stop.after_step()


def test_wishes_that_came_with_the_gradients_are_not_exchanged_again() -> None:
    group = _TwoInStep()
    stop = AgreedStop(StopRequest(), group)
    group.exchange_wishes()
    group.other = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    stop.after_step()
    assert not stop.pending
    stop.after_step()
    assert stop.pending


def test_after_leaving_the_group_requests_count_at_once() -> None:
    own, group = StopRequest(), _TwoInStep()
    stop = AgreedStop(own, group)
    group.leave()
    stop.request()
    assert own.signal == signal.SIGTERM
    assert stop.pending
    with pytest.raises(Interrupted):
        stop.raise_if_requested()
