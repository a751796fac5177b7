"""What processes wish, as numbers that they add."""

from __future__ import annotations

from dlrun.optim.distributed.wishes import Wish, Wishes


def test_wishes_become_numbers_and_sums_become_wishes() -> None:
    wishes = Wishes()
    heard: list[frozenset[Wish]] = []
    assert wishes.own() == [0.0] * len(Wish)
    wishes.connect(lambda: frozenset({Wish.TERMINATE, Wish.NOT_FINITE}), heard.append)
    assert wishes.own() == [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]
    assert not wishes.were_exchanged
    wishes.hear([0.0, 2.0, 0.0, 0.0, 1.0, 0.0])
    assert wishes.were_exchanged
    assert heard == [{Wish.TERMINATE, Wish.NOT_FINITE}]
