"""dlrun.data.tables.source: from files to rows, and notices about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlrun.data.source import Source
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.source import table_source
from dlrun.errors import ConfigError, DataError

ROWS = "n,when,c,note,y\n" + "".join(
    f"{i / 2},2026-01-{i + 1:02d},{'ab'[i % 2]},a note of its own about {i},{i % 2 or ''}{'' if i % 2 else 0}\n"
    for i in range(30)
)


def source(content: str = ROWS, **fields: Any) -> Source:
    Path("t.csv").write_text(content)
    return table_source(TableSettings(**{"name": "table", "path": "t.csv", "target": "y", **fields}))


def test_kinds_are_inferred_and_reported() -> None:
    found = source()
    assert found.train.inputs.shape == (30, 7)  # a number, five of a date, a category
    assert found.goal == "binary"
    assert [notice.split(" is ")[0] for notice in found.notices[:4]] == [
        "columns: 1 number: n",
        "columns: 1 date: when",
        "columns: 1 category: c (2)",
        "columns: note",
    ]
    why = "free text, a different text in every row; to use it: dataset.columns={note: text}"
    assert f"columns: note is ignored ({why})" in found.notices


def test_kinds_can_be_set() -> None:
    found = source(columns={"when": "ignore", "n": "category"})
    assert found.train.inputs.shape == (30, 2)
    assert "columns: when is ignored (dataset.columns)" in found.notices
    with pytest.raises(ConfigError, match=r'dataset\.columns\.whem\n.*Did you mean "when"\?'):
        source(columns={"whem": "ignore"})
    with pytest.raises(
        ConfigError, match=r"Expected one of number, category, boolean, date, text, image, ignore, got colour"
    ):
        source(columns={"when": "colour"})


def test_missing_values_are_counted() -> None:
    content = ROWS.replace("\n3.0,", "\n,").replace("\n7.0,", "\n,")
    assert any(notice.startswith("missing values: n 2; numbers become") for notice in source(content).notices)
    dropped = source(content, missing="drop")
    assert len(dropped.train) == 28
    assert "2 rows with missing values dropped (dataset.missing=drop)" in dropped.notices


def test_categories_of_another_file_come_after_those_of_the_training_file() -> None:
    Path("test.csv").write_text(ROWS.replace(",b,", ",new,"))
    found = source(test="test.csv")
    assert found.test is not None
    assert found.train.inputs[:2, 6].tolist() == [0, 1]  # type: ignore[index]
    assert found.test.inputs[:2, 6].tolist() == [0, 2]  # type: ignore[index]


def test_the_fingerprint_is_of_content_and_settings_and_no_path() -> None:
    first = source().fingerprint
    Path("moved.csv").write_text(ROWS)
    assert source(path="moved.csv").fingerprint == first
    assert source(missing="drop").fingerprint != first
    assert source(ROWS.replace("a note", "no note")).fingerprint != first


@pytest.mark.parametrize(
    ("content", "fields", "message"),
    [
        (ROWS, {"target": "yy"}, 'there is no column "yy" for dataset.target. Did you mean "y"?'),
        (ROWS, {"target": "note"}, 'the target "note" has 30 different texts in 30 rows; expected numbers or classes'),
        (ROWS, {"target": "when"}, 'the target "when" has dates; expected numbers or classes to predict'),
        (
            "n,y\n" + "".join(f"{i},${i // 2}.50\n" for i in range(40)),
            {},
            'the target "y" has numbers written as "$0.50"; expected the form 1234.5. '
            "To predict them as 20 classes: dataset.columns={y: category}.",
        ),
        (
            "n,y\n" + "".join(f'{i},"{i},000"\n' for i in range(1, 41)),
            {},
            'the target "y" has numbers written as "1,000"; expected the form 1234.5.',
        ),
        (
            "n,y\n" + "".join(f"{i},{i % 9 + 1}/1/2026\n" for i in range(40)),
            {},
            'the target "y" has dates; expected numbers or classes to predict',
        ),
        ("n,y\n,0\n,1\n,0\n", {}, "no column is left for features (n: no value in any row); set the kinds of columns"),
        (
            "n,y\n,0\n,1\n,0\n",
            {"columns": {"n": "number"}},
            'the column "n" has no value in any row. Ignore it: dataset.columns={n: ignore}',
        ),
        ("n,y\n1,\n2,\n", {}, 'the target "y" has no value in any row'),
        ("n,y\n1,a\nx,b\n", {"missing": "drop", "columns": {"n": "ignore"}}, "(n: dataset.columns)"),
        ("n,y\n1,0\n", {"only": {"m": "number"}}, 'there is no column "m"'),
        (
            "n,y\nx,0\ny,1\n",
            {"columns": {"n": "number"}, "skip_bad_rows": True},
            "no row is left (2 rows skipped, dropped or left out)",
        ),
    ],
)
def test_data_that_a_model_cannot_be_trained_on_is_reported(content: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        source(content, **fields)
    assert message in str(caught.value)
