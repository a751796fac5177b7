"""dlrun.configuration.sweeps.repeated: what only repeats a configuration."""

from __future__ import annotations

from dlrun.configuration.sweeps.repeated import without_repeats


def test_a_trial_is_its_settings_without_seed_and_fold() -> None:
    words = ["optimizer.lr=0.1", "seed=1", "dataset.fold=2", "dataset.split_seed=3"]
    assert without_repeats(words) == ("optimizer.lr=0.1", "dataset.split_seed=3")
