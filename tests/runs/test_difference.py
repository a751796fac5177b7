"""What differs between recipes and runs, by meaning."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.difference import Difference, difference, read_side
from tests.harness import SMALL, train

CATALOG = Catalog()


def compared(one: str, other: str) -> Difference:
    """Compare two recipes, given by their text."""
    for name, text in (("a.yaml", one), ("b.yaml", other)):
        Path(name).write_text(text)
    return difference(read_side("a.yaml", CATALOG), read_side("b.yaml", CATALOG), CATALOG)


def test_defaults_that_are_written_out_make_no_difference() -> None:
    one = "dataset: {name: iris}\n"
    other = (
        "# by hand\ntrainer: {early_stop: {min_delta: 0.0}, epochs: auto}\ndataset: {val_fraction: 0.1, name: iris}\n"
    )
    assert compared(one, other + "model: {name: tabular}\nseed: 0\n").is_none


def test_values_differ_by_key_and_options_as_a_whole() -> None:
    found = compared(
        "dataset: {name: digits}\nmodel: {name: mlp, hidden: [8]}\noptimizer: {name: adam, lr: 0.1}\n",
        "dataset: {name: digits, augment: {flip: true}}\nmodel: {name: linear}\noptimizer: {name: adam}\nseed: 3\n",
    )
    assert found.replaced == {"model": [{"name": "mlp", "hidden": [8]}, {"name": "linear"}]}
    assert found.configuration == {
        "dataset.augment.flip": [False, True], "optimizer.lr": [0.1, "auto"], "seed": [0, 3],
    }  # fmt: skip


def test_promises_locks_and_data_are_compared_where_both_have_them() -> None:
    block = "recipe: {{format: 1, expect: {{test/loss: [0, {high}]}}, lock: {{torch: {torch}, auto: {{seed: {auto}}}}}"
    block += ", data: {{fingerprint: {digit:0>64}}}}}\n"
    found = compared(
        block.format(high=1, torch="2.12.0", digit="a", auto=1), block.format(high=2, torch="2.13.0", digit="b", auto=2)
    )
    assert found.promise == {"expect.test/loss": [[0, 1], [0, 2]]}
    assert found.lock == {"torch": ["2.12.0", "2.13.0"]}
    assert found.data == {"fingerprint": ["a".rjust(64, "0"), "b".rjust(64, "0")]}
    assert found.configuration == {}
    found = compared(block.format(high=1, torch="2.12.0", digit="a", auto=1), "model: {name: cnn}\n")
    assert found.is_none
    assert found.only == {"promise": 0, "lock": 0}


def test_what_is_swept_differs() -> None:
    assert compared("sweep: {seed: [1, 2]}\n", "sweep: {seed: [1, 3]}\n").configuration == {
        "sweep.seed": [[1, 2], [1, 3]]
    }
    assert compared("sweep: {seed: [1, 2]}\n", "model: {name: cnn}\n").configuration == {"sweep.seed": [[1, 2], None]}


def test_a_field_that_was_auto_is_what_its_rule_made_of_it(tmp_path: Path) -> None:
    """32 of 108 rows in each batch here; the rule makes 16 of them, an eighth rounded down to a power of two."""
    words = [word for word in SMALL if not word.startswith("trainer.batch_size")]
    train(tmp_path / "auto", *words)
    train(tmp_path / "same", *words, "trainer.batch_size=16")
    train(tmp_path / "fixed", *words, "trainer.batch_size=32")
    train(tmp_path / "fewer", *words, "dataset.limit=20")
    sides = {name: read_side(str(tmp_path / name), CATALOG) for name in ("auto", "same", "fixed", "fewer")}
    assert difference(sides["auto"], sides["same"], CATALOG).is_none
    assert difference(sides["auto"], sides["fixed"], CATALOG).configuration == {
        "trainer.batch_size": [{"auto": 16}, 32]
    }
    found = difference(sides["auto"], sides["fewer"], CATALOG).configuration
    assert found == {"dataset.limit": [None, 20]}
    Path("mine.yaml").write_text("dataset: {name: iris}\nmodel: {name: mlp, hidden: [8]}\ntrainer: {batch_size: 16}\n")
    found = difference(read_side("mine.yaml", CATALOG), sides["auto"], CATALOG).configuration
    assert "trainer.batch_size" not in found


def test_auto_differs_from_auto_if_rules_made_different_values_of_it(own_folder: Path) -> None:
    Path("mine.yaml").write_text("dataset: {name: iris}\n")
    one, other = (
        dataclasses.replace(read_side("mine.yaml", CATALOG), decided={"trainer.epochs": epochs, "optimizer.lr": 0.1})
        for epochs in (10, 20)
    )
    assert difference(one, other, CATALOG).configuration == {"trainer.epochs": [{"auto": 10}, {"auto": 20}]}


def test_what_each_process_holds_differs_only_if_several_hold_parts(tmp_path: Path) -> None:
    sides = {}
    for name, number, strategy in (("alone", 1, "auto"), ("whole", 2, "ddp"), ("parts", 2, "fsdp")):
        (tmp_path / name).mkdir()
        text = f"dataset: {{name: iris}}\ndevice: {{name: cpu, processes: {number}, strategy: {strategy}}}\n"
        (tmp_path / name / "config.yaml").write_text(text)
        sides[name] = read_side(str(tmp_path / name), CATALOG)
    assert difference(sides["alone"], sides["whole"], CATALOG).configuration == {"device.processes": [1, 2]}
    assert difference(sides["alone"], sides["parts"], CATALOG).configuration == {
        "device.processes": [1, 2],
        "device.strategy": [{"auto": "ddp"}, "fsdp"],
    }
