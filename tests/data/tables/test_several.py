"""dlrun.data.tables.several: several targets of a table, from the file to predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import prepare
from dlrun.data.source import Source
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.several import check_targets
from dlrun.data.tables.source import table_source
from dlrun.errors import ConfigError, DataError, Interrupted
from tests.harness import CPU, rows_without_seconds, train, weights

Dlrun = Callable[..., tuple[int, str, str]]
HEAD = "x,size,kind,level,ok\n"
ROWS = [
    f"{i % 13 / 4},{(i * 37 % 100) / 10},{'abc'[i % 3]},{(i * 31 % 97) * 1.5},{('no', 'yes')[i % 13 > 5]}\n"
    for i in range(90)
]


def source(*targets: str, content: str = HEAD + "".join(ROWS), **fields: Any) -> Source:
    Path("t.csv").write_text(content)
    first, *more = targets
    return table_source(TableSettings("table", "t.csv", first, more_targets=tuple(more), **fields))


def test_numbers_alone_are_a_regression_with_names() -> None:
    found = source("size", "level")
    assert (found.goal, found.class_names) == ("regression", ("size", "level"))
    assert found.train.inputs.shape == (90, 3)
    assert found.train.targets[2].tolist() == pytest.approx([7.4, 93.0])
    data = prepare("table", found, DatasetSettings(standardise_target=True))
    assert isinstance(data.spec.target_mean, tuple)
    assert [part.name for part in data.spec.parts] == ["size", "level"]


def test_numbers_and_classes_are_one_matrix_with_exact_codes() -> None:
    found = source("kind", "size", "ok")
    assert (found.goal, found.train.targets.dtype) == ("several", torch.float32)
    assert found.train.inputs.shape == (90, 2)
    assert [part.describe() for part in found.parts] == ["kind (3 classes)", "size (number)", "ok (2 classes)"]
    assert found.train.targets[:, 0].tolist() == [float(i % 3) for i in range(90)]
    data = prepare("table", found, DatasetSettings())
    assert data.spec.target_std[::2] == (1.0, 1.0)  # type: ignore[index]
    numbers = data.train.targets[:, 1]
    assert (numbers.mean().item(), numbers.std(correction=0).item()) == pytest.approx((0, 1), abs=1e-5)
    assert set(data.train.targets[:, 0].tolist()) == {0.0, 1.0, 2.0}
    assert (data.spec.num_outputs, data.spec.class_names) == (3, ())
    two = source("kind", "ok")
    assert prepare("table", two, DatasetSettings(standardise_target=True)).spec.target_std == (1.0, 1.0)


def test_a_kind_that_is_set_holds_for_its_target() -> None:
    content = "x,a,b\n" + "".join(f"{i / 7},{i % 3},{i % 2}\n" for i in range(60))
    assert [part.goal for part in source("a", "b", content=content).parts] == ["multiclass", "binary"]
    set_ = source("a", "b", content=content, columns={"a": "number"})
    assert [part.goal for part in set_.parts] == ["regression", "binary"]
    assert source("a", "b", content=content, task="regression").goal == "regression"


def test_rows_that_lack_one_of_the_targets_are_left_out_or_stop() -> None:
    content = HEAD + "".join([*ROWS, "1,,a,3,yes\n", "1,2,a,,yes\n", "1,,a,,no\n"])
    found = source("size", "level", content=content)
    assert len(found.train) == 90
    assert any("3 rows without a value of size or level left out" in notice for notice in found.notices)
    with pytest.raises(DataError, match=r't\.csv: line 93, column "level": the value is missing'):
        source("size", "level", content=content, missing_target="stop")
    with pytest.raises(DataError, match=r"t\.csv: no row has a value of each target"):
        source("a", "b", content="x,a,b\n1,1,\n2,,1\n")


def test_other_files_have_the_same_targets() -> None:
    Path("test.csv").write_text(HEAD + "1,2.5,c,7,no\n")
    found = source("kind", "size", test="test.csv")
    assert found.test is not None
    assert found.test.targets.tolist() == [[2.0, 2.5]]
    Path("test.csv").write_text(HEAD + "1,2.5,z,7,no\n")
    with pytest.raises(DataError, match='line 2: no training row has the class "z" of "kind"'):
        source("size", "kind", test="test.csv")


def test_each_target_is_checked_as_if_it_were_alone() -> None:
    with pytest.raises(DataError, match=r'there is no column "kinds" for dataset\.target\. Did you mean "kind"'):
        source("size", "kinds")
    content = "x,y,same\n" + "".join(f"{i / 3},{i / 7},5\n" for i in range(30))
    with pytest.raises(DataError, match='the target "same" is 5 in every row'):
        source("y", "same", content=content)
    texts = "x,y,note\n" + "".join(f"{i / 3},{i / 7},a note about {i}\n" for i in range(60))
    with pytest.raises(DataError, match='the target "note" has 60 different texts in 60 rows'):
        source("y", "note", content=texts)
    with pytest.raises(ConfigError, match="This column is a target; name another one"):
        source("size", "kind", group="kind")
    assert source("size").fingerprint != source("size", "kind").fingerprint
    assert "more_targets" not in TableSettings("table", "t.csv", "y").decisive()


def test_names_of_targets_are_one_or_more_different_ones() -> None:
    assert check_targets("a") == check_targets(["a"]) == ["a"]
    with pytest.raises(ConfigError, match=r"dataset\.target=\[\]\n.*Expected the name of at least one column"):
        check_targets([])
    with pytest.raises(ConfigError, match='The target "a" is there twice'):
        check_targets(["a", "b", "a"])


RUN = (*CPU, "dataset=table", "dataset.path=t.csv", "model=mlp", "model.hidden=[8]", "trainer.log_every=1")


def test_a_run_with_several_targets_is_killed_and_resumed_with_the_same_bytes(tmp_path: Path) -> None:
    source("size")
    words = (*RUN, "dataset.target=[kind,size,ok]", "trainer.epochs=3", "dataset.weight=level", "trainer.accumulate=2")
    _, result = train(tmp_path / "whole", *words)
    assert result["best"]["metric"] == "val/loss"
    assert {"test/accuracy_kind", "test/rmse_size", "test/auroc_ok", "test/loss"} <= set(result["metrics"])
    assert result["metric_directions"]["accuracy_kind"] == "max"
    with pytest.raises(Interrupted):
        train(tmp_path / "resumed", *words, stop_after=3)
    train(tmp_path / "resumed", *words, resume="auto")
    assert weights(tmp_path / "resumed") == weights(tmp_path / "whole")
    assert rows_without_seconds(tmp_path / "resumed") == rows_without_seconds(tmp_path / "whole")


def test_a_run_learns_each_target_and_predicts_a_column_for_each(dlrun: Dlrun, own_folder: Path) -> None:
    source("size")
    words = (*RUN, "dataset.target=[ok,size]", "trainer.epochs=60", "optimizer.lr=0.02", "metric=accuracy_ok")
    code, _, err = dlrun(*words, "hydra.run.dir=run", "--quiet")
    assert code == 0, err
    result = json.loads((own_folder / "run" / "result.json").read_text())
    assert result["best"]["metric"] == "val/accuracy_ok"
    assert result["metrics"]["test/accuracy_ok"] > 0.8
    code, out, err = dlrun("predict", "run", "t.csv", "--probabilities")
    assert code == 0, err
    assert out.splitlines()[0] == "ok,probability_ok_no,probability_ok_yes,size"
    assert len(out.splitlines()) == 91
    code, out, _ = dlrun("runs", "run")
    assert code == 0
    assert "val/accuracy_ok" in out
    code, _, err = dlrun("check", *RUN, "dataset.target=[ok,size]", "loss=mse")
    assert code == 2
    assert "targets of different kinds, ok (2 classes), size (number); use loss=auto, the sum of their losses" in err
    code, out, _ = dlrun("check", *RUN, "dataset.target=[ok,size]")
    assert "2 targets: ok (2 classes), size (number)" in out
