from __future__ import annotations

import statistics

from dlrun.runs.sweeps.search.draw import new_trial, seed_of, text_of, uniform
from tests.runs.sweeps.search.spaces import SIZE, space_of


def test_a_number_depends_on_its_names_only() -> None:
    # The first 53 bits of what `printf 'random/0/1' | b2sum -l 64` prints.
    assert uniform("random", 0, 1) == 0.7417513515773001
    assert seed_of("random", 0, 1) == int(0.7417513515773001 * 2**32)
    assert uniform("random", 0, 2) != uniform("random", 0, 1)


def test_numbers_are_even() -> None:
    drawn = [uniform("even", number) for number in range(10_000)]
    assert abs(statistics.fmean(drawn) - 0.5) < 0.01
    assert all(900 < sum(int(each * 10) == tenth for each in drawn) < 1100 for tenth in range(10))


def test_a_new_trial_is_none_that_was_seen() -> None:
    space = space_of(SIZE, "model=mlp,linear")
    seen: set[tuple[str, ...]] = set()
    for number in range(6):
        trial = new_trial(space, seen, "x", number)
        assert trial is not None
        assert text_of(trial) not in seen
        seen.add(text_of(trial))
    assert new_trial(space, seen, "x", 6) is None


def test_the_last_of_many_is_found() -> None:
    space = space_of("trainer.epochs=interval(1,5000)")
    seen = {(str(number),) for number in range(1, 5001) if number != 1234}
    trial = new_trial(space, seen, "x", 0)
    assert trial is not None
    assert trial["trainer.epochs"].value == 1234
