"""dlrun.runs.sweeps.labels: what tells points apart, within a command and between commands."""

from __future__ import annotations

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.labels import Labels, words_of
from dlrun.runs.sweeps.rows import SweepRow


def test_words_are_every_key_but_how_the_run_is_started() -> None:
    catalog = Catalog()
    request = parse_overrides(["model=mlp", "model.hidden=[8, 8],[4]", "resume=auto"], catalog, multirun=True)
    first, second = plan_runs(request, catalog)
    assert words_of(first) == ("model=mlp", "model.hidden=[8,8]")
    assert words_of(second) == ("model=mlp", "model.hidden=[4]")


def test_a_command_shows_what_it_sweeps() -> None:
    labels = Labels([], [])
    assert labels.learn(("model=mlp", "seed=0"), ["seed"])
    assert labels.of(("model=mlp", "seed=0")) == ("seed=0",)
    assert not labels.learn(("model=mlp", "seed=1"), ["seed"])


def test_what_differs_between_commands_is_shown_of_all_points() -> None:
    labels = Labels([SweepRow(0, ["seed=0"], "completed")], [("model=mlp", "seed=0")])
    assert labels.learn(("model=mlp", "trainer.epochs=20", "seed=0"))
    assert labels.of(("model=mlp", "trainer.epochs=20", "seed=0")) == ("trainer.epochs=20", "seed=0")
    assert labels.of(("model=mlp", "seed=0")) == ("seed=0",)  # it had the default
    assert labels.learn(("model=cnn", "seed=0"))
    assert labels.of(("model=mlp", "seed=0")) == ("model=mlp", "seed=0")


def test_after_a_kill_labels_keep_the_order_of_the_words() -> None:
    labels = Labels([], [("optimizer.lr=0.1", "seed=0"), ("optimizer.lr=0.1", "seed=1")])
    labels.learn(("optimizer.lr=0.1", "seed=0"), ["optimizer.lr", "seed"])
    assert labels.of(("optimizer.lr=0.1", "seed=0")) == ("optimizer.lr=0.1", "seed=0")
