"""Stop all processes of a run after the same step."""

from __future__ import annotations

import signal

from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.wishes import Wish
from dlrun.optim.finite import NotFinite
from dlrun.training.signals import StopRequest

_SIGNALS = {Wish.INTERRUPT: signal.SIGINT, Wish.TERMINATE: signal.SIGTERM}


class AgreedStop(StopRequest):
    """What all processes of a group have heard of each other's requests; a request alone changes nothing yet.

    own: the requests that reach this process. Once it has left the group, they count at once.
    """

    def __init__(self, own: StopRequest, group: Group) -> None:
        super().__init__()
        self._own, self._group = own, group
        self._is_time_up = False
        self.saw_not_finite = False  # in this process
        group.wishes.connect(self._wishes, self._hear)

    @property
    def pending(self) -> bool:
        return self._own.pending if self._group.is_alone else super().pending

    @property
    def is_time_up(self) -> bool:
        return self._own.is_time_up if self._group.is_alone else self._is_time_up

    def stop_after(self, seconds: float | None) -> None:
        self._own.stop_after(seconds)

    def request(self) -> None:
        self._own.request()

    def raise_if_requested(self, message: str | None = None) -> None:
        if self._group.is_alone:
            self._own.raise_if_requested(message)
        else:
            super().raise_if_requested(message)

    def raise_if_agreed(self, message: str | None = None) -> None:
        """Exchange requests with the other processes, and raise Interrupted if one of them is to stop."""
        self._group.exchange_wishes()
        self.raise_if_requested(message)

    def after_step(self) -> None:
        """Exchange requests after a step, if its gradients did not carry them."""
        wishes = self._group.wishes
        if not wishes.were_exchanged:
            self._group.exchange_wishes()
        wishes.were_exchanged = False

    def _wishes(self) -> frozenset[Wish]:
        own = self._own
        found = {wish for wish, number in _SIGNALS.items() if own.signal == number}
        if own.save_requested:
            found.add(Wish.SAVE)
        if own.is_time_up:
            found.add(Wish.END_IN_TIME)
        if self.saw_not_finite:
            found.add(Wish.NOT_FINITE)
        if self._group.drew_by_shape:
            found.add(Wish.SAME_DRAWS)
        return frozenset(found)

    def _hear(self, wishes: frozenset[Wish]) -> None:
        for wish, number in _SIGNALS.items():
            if wish in wishes:
                self.signal = number
        if Wish.SAVE in wishes:
            self.save_requested, self._own.save_requested = True, False
        self._is_time_up = self._is_time_up or Wish.END_IN_TIME in wishes
        if Wish.SAME_DRAWS in wishes:
            self._group.share_random_state()
        if Wish.NOT_FINITE in wishes:
            raise NotFinite


def agreed(own: StopRequest, group: Group) -> StopRequest:
    """Return the requests that count: those of this process, or what a group of several agrees on."""
    return own if group.is_alone else AgreedStop(own, group)
