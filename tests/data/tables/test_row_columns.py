"""dlrun.data.tables.row_columns: columns that are set aside for the rows, their group and their weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.loading.split import Loader
from dlrun.data.prepare import prepare
from dlrun.data.source import Source
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.source import table_source
from dlrun.errors import ConfigError, DataError

HEAD = "n,patient,y\n"
ROWS = HEAD + "".join(f"{i}.5,{1000 + i // 5},{(i * 37 % 100) / 10}\n" for i in range(100))


def source(content: str = ROWS, **fields: Any) -> Source:
    Path("t.csv").write_text(content)
    return table_source(TableSettings(**{"name": "table", "path": "t.csv", "target": "y", **fields}))


def groups(found: Source) -> list[int]:
    assert found.groups is not None
    return [int(group) for group in found.groups]


def test_a_group_is_no_feature_and_is_never_split() -> None:
    found = source(group="patient")
    assert groups(found) == [i // 5 for i in range(100)]
    assert found.train.inputs.shape == (100, 1)
    assert any(
        notice.startswith("columns: patient is ignored (dataset.group; to use it: dataset.columns=")
        for notice in found.notices
    )
    assert "groups: patient has 20 values in 100 rows; rows of one group are never in two splits" in found.notices
    data = prepare("table", found, DatasetSettings(standardise=False))
    held = {name: {int(n) // 5 for n in split.inputs[:, 0]} for name, split in data.splits.items()}  # type: ignore[attr-defined]
    assert sum(map(len, held.values())) == len(set.union(*held.values())) == 20
    assert data.sizes == {"train": 70, "val": 10, "test": 20}


@pytest.mark.parametrize("kind", ["category", "number", "date"])
def test_a_group_with_a_kind_is_a_feature_as_well(kind: str) -> None:
    content = ROWS.replace(",10", ",2026-01-").replace("-0", "-1") if kind == "date" else ROWS
    found = source(content, group="patient", columns={"patient": kind})
    assert found.train.inputs.shape == (100, 6 if kind == "date" else 2)
    assert not any("is ignored" in notice for notice in found.notices)
    first = groups(found)
    assert len(set(first)) == 20 if kind != "date" else 10
    assert all(len(set(first[start : start + 5])) == 1 for start in range(0, 100, 5))


def test_groups_are_read_only_where_rows_are_held_out() -> None:
    Path("test.csv").write_text("n,y\n1,0.5\n2,0.7\n")
    found = source(group="patient", test="test.csv")
    assert found.test is not None
    assert found.test.inputs.shape == (2, 1)
    data = prepare("table", found, DatasetSettings())
    assert data.sizes == {"train": 90, "val": 10, "test": 2}


def test_a_group_for_each_row_is_told() -> None:
    assert "groups: n is different in every row, so that dataset.group has no effect" in source(group="n").notices


def test_without_a_group_nothing_changes_in_digests() -> None:
    assert "group" not in TableSettings("table", "t.csv", "y").decisive()
    assert source(group="patient").fingerprint != source().fingerprint


def test_groups_of_rows_that_are_left_out_are_left_out() -> None:
    found = source(ROWS + "1,1000,\n".replace(",\n", ",x\n"), group="patient", skip_bad_rows=True)
    assert len(groups(found)) == len(found.train) == 100


@pytest.mark.parametrize(
    ("content", "group", "error", "message"),
    [
        (ROWS, "patients", DataError, 'there is no column "patients" for dataset.group. Did you mean "patient"?'),
        (ROWS, "y", ConfigError, "This column is a target; name another one."),
        (ROWS + "1,,0.3\n", "patient", DataError, 't.csv: line 102, column "patient": the value is missing'),
    ],
)
def test_columns_that_cannot_be_groups_are_refused(
    content: str, group: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        source(content, group=group)
    assert message in str(caught.value)


def test_too_few_groups_are_told() -> None:
    content = HEAD + "".join(f"{i},{i % 2},{i / 10}\n" for i in range(40))
    with pytest.raises(DataError, match="there are rows of 2 groups, and 3 splits need one each"):
        prepare("table", source(content, group="patient"), DatasetSettings())


WEIGHTED = "n,w,y\n" + "".join(f"{i},{i % 4},{(i * 37 % 100) / 10}\n" for i in range(100))


def test_a_weight_is_no_feature_and_goes_with_its_row() -> None:
    found = source(WEIGHTED, weight="w")
    assert found.train.inputs.shape == (100, 1)
    assert "columns: w is ignored (dataset.weight)" in found.notices
    data = prepare("table", found, DatasetSettings(standardise=False))
    for split in data.splits.values():
        batch = split.fetch(slice(None))
        assert batch.weights is not None
        torch.testing.assert_close(batch.weights, batch.inputs[:, 0] % 4 / 1.5)  # their mean in the file is 1.5
    (batch, *_) = Loader(data.train, batch_size=8, seed=0, shuffle=True).epoch(0)
    assert batch.weights is not None
    torch.testing.assert_close(batch.weights, batch.inputs[:, 0] % 4 / 1.5)


def test_each_file_has_weights_and_only_the_first_has_groups() -> None:
    Path("test.csv").write_text("n,w,y\n1,3,0.5\n2,0,0.7\n")
    rows = "".join(f"{i},{i % 4},g{i // 10},{(i * 37 % 100) / 10}\n" for i in range(100))
    found = source("n,w,g,y\n" + rows, weight="w", group="g", test="test.csv")
    assert found.test is not None
    assert found.test.weights is not None
    assert found.test.weights.tolist() == [2.0, 0.0]
    assert groups(found) == [i // 10 for i in range(100)]


def test_without_weights_a_batch_has_none() -> None:
    data = prepare("table", source(), DatasetSettings())
    assert data.train.fetch(slice(None)).weights is None
    assert "weight" not in TableSettings("table", "t.csv", "y").decisive()


@pytest.mark.parametrize(
    ("content", "fields", "error", "message"),
    [
        (WEIGHTED, {"weight": "ww"}, DataError, 'there is no column "ww" for dataset.weight. Did you mean "w"?'),
        (WEIGHTED, {"weight": "y"}, ConfigError, "This column is a target; name another one."),
        (
            WEIGHTED,
            {"weight": "w", "group": "w"},
            ConfigError,
            "This column has the groups (dataset.group); name another",
        ),
        (WEIGHTED, {"weight": "w", "columns": {"w": "number"}}, ConfigError, "A weight is no feature; leave it out of"),
        (
            WEIGHTED + "1,-2,1\n",
            {"weight": "w"},
            DataError,
            't.csv: line 102, column "w": expected a weight from 0 up, got "-2"',
        ),
        (WEIGHTED + "1,,1\n", {"weight": "w"}, DataError, 't.csv: line 102, column "w": the value is missing'),
        (WEIGHTED + "1,NaN,1\n", {"weight": "w"}, DataError, 't.csv: line 102, column "w": the value is missing'),
        (
            WEIGHTED + "1,inf,1\n",
            {"weight": "w"},
            DataError,
            't.csv: line 102, column "w": expected a weight from 0 up, got "inf"',
        ),
        (
            WEIGHTED + "1,much,1\n",
            {"weight": "w"},
            DataError,
            'line 102, column "w": expected a weight from 0 up, got "much"',
        ),
        ("n,w,y\n1,0,1.5\n2,0,2.5\n", {"weight": "w"}, DataError, 'The weight "w" is 0 in every row; there is nothing'),
    ],
)
def test_columns_that_cannot_be_weights_are_refused(
    content: str, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        source(content, **fields)
    assert message in str(caught.value)


def test_a_bad_weight_is_skipped_with_its_row() -> None:
    found = source(WEIGHTED + "1,-2,1\n1,1,1\n", weight="w", skip_bad_rows=True)
    assert len(found.train) == 101
