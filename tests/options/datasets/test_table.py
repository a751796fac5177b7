"""dataset=table: kinds inferred, bad rows reported or skipped, new rows predicted from the run alone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pyarrow import csv, parquet

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.source import table_source
from dlrun.errors import ConfigError, DataError, DlrunError
from dlrun.options.datasets.table import encoder
from tests.kill_and_resume import kill_and_resume, predictions

Dlrun = Callable[..., tuple[int, str, str]]
ALL = DatasetSettings(val_fraction=0, test_fraction=0, standardise=False)


def write(text: str | bytes, name: str = "mine.csv") -> str:
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    return name


def rows(count: int = 12) -> str:
    """Columns size (number), town (category), paid (yes/no), and bought to predict."""
    towns = ("Rome", "Oslo")
    lines = [f"{2 * i + i % 2},{towns[i % 2]},{'yes' if i % 3 else 'no'},{'b' if i % 2 else 'a'}" for i in range(count)]
    return "\n".join(["size,town,paid,bought", *lines]) + "\n"


def data(text: str | bytes, settings: DatasetSettings = ALL, *, name: str = "mine.csv", **fields: object) -> DataBundle:
    asked = TableSettings("table", **{"path": write(text, name), "target": "bought", **fields})  # type: ignore[arg-type]
    return prepare("table", table_source(asked), settings)


def test_a_table_is_trained_killed_resumed_evaluated_and_predicted_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere").mkdir()
    words = ["recipe=table_people", "trainer.epochs=3", "trainer.batch_size=16"]
    kill_and_resume(words, folder=tmp_path / "here")
    new = "city,plan,member,joined,spent,visits,age,extra\nPorto,pro,yes,2016-05-01,200,9,30,x\nBabel,,no,,,1,,y\n"
    (tmp_path / "elsewhere" / "new.csv").write_text(new)
    found = predictions(tmp_path / "here/killed", "new.csv", "--probabilities", folder=tmp_path / "elsewhere")
    assert [set(row) for row in found] == [{"prediction", "probability_no", "probability_yes"}] * 2
    assert found[0]["prediction"] == "yes"
    assert found[1]["prediction"] == "no"
    assert float(found[1]["probability_no"]) + float(found[1]["probability_yes"]) == pytest.approx(1)


def test_columns_become_features_by_their_kind() -> None:
    bundle = data(rows())
    assert bundle.spec.class_names == ("a", "b")
    assert bundle.spec.goal == "binary"
    first = bundle.train.inputs[:3]  # size, paid, town Oslo, town Rome
    assert first.tolist() == [[0, 0, 0, 1], [3, 1, 1, 0], [4, 1, 0, 1]]
    assert bundle.train.targets.tolist() == [0, 1] * 6


def test_embedded_categories_are_codes_after_the_numbers() -> None:
    bundle = data(rows(), embed=True)
    assert bundle.spec.categories == (3,)  # never seen, Oslo, Rome
    assert bundle.train.inputs[:2].tolist() == [[0, 0, 2], [3, 1, 1]]


def test_missing_values_become_the_training_median_and_a_flag_or_a_category() -> None:
    bundle = data("x,town,bought\n1,,a\n5,Oslo,b\n,Oslo,a\n9,Oslo,b\n")
    assert bundle.train.inputs.tolist() == [[1, 0, 0, 1], [5, 0, 1, 0], [5, 1, 1, 0], [9, 0, 1, 0]]
    assert any("missing values: x 1, town 1" in notice for notice in bundle.notices)


def test_medians_and_categories_come_from_training_rows_alone() -> None:
    write("x,town,bought\n1000,Lima,a\n,Oslo,b\n", "test.csv")
    bundle = data("x,town,bought\n1,Oslo,a\n3,Rome,b\n,Oslo,a\n3,Rome,b\n", test="test.csv")
    assert bundle.test is not None
    assert bundle.test.inputs.tolist() == [[1000, 0, 0, 0], [3, 1, 1, 0]]  # Lima was never seen


def test_numbers_are_standardised_and_flags_and_categories_are_not() -> None:
    bundle = data(rows(), DatasetSettings(val_fraction=0, test_fraction=0))
    assert bundle.train.inputs[:, 0].mean().item() == pytest.approx(0, abs=1e-6)
    assert bundle.train.inputs[:, 2:].unique().tolist() == [0, 1]


def test_dates_become_their_parts() -> None:
    bundle = data("day,bought\n2026-01-31,a\n2026-02-01,b\n2026-02-02 12:30,a\n2026-02-03,b\n")
    assert bundle.train.inputs[:3].tolist() == [[2026, 1, 31, 5, 0], [2026, 2, 1, 6, 0], [2026, 2, 2, 0, 12.5]]


def test_a_restored_encoder_reads_new_rows_as_before() -> None:
    bundle = data("x,town,bought\n1,Oslo,a\n3,Rome,b\n,Oslo,a\n3,Rome,b\n", embed=True)
    assert bundle.encoder is not None
    again = encoder(json.loads(json.dumps(bundle.encoder.state())))
    write("town,x\nRome,\nLima,7\n", "new.csv")
    assert again.encode(Path("new.csv")).inputs.tolist() == [[3, 1, 2], [7, 0, 0]]
    write("x\n1\n", "new.csv")
    with pytest.raises(DataError, match='there is no column "town", which the run was trained on'):
        again.encode(Path("new.csv"))


def test_a_limit_applies_to_every_file() -> None:
    files = {name: write(rows(count), f"{name}.csv") for name, count in (("val", 30), ("test", 20))}
    settings = DatasetSettings(limit=8, standardise=False)
    bundle = data(rows(40), settings, **files)
    assert bundle.sizes == {"train": 8, "val": 8, "test": 8}
    for split in bundle.splits.values():
        fetched = split.fetch(slice(None))
        assert (fetched.inputs[:, 0] % 2).tolist() == fetched.targets.tolist(), "a row keeps its target"
    unlimited = data(rows(40), DatasetSettings(standardise=False), **files)
    assert unlimited.sizes == {"train": 40, "val": 30, "test": 20}


@pytest.mark.parametrize("ending", ["tsv", "jsonl", "parquet"])
def test_other_formats_have_the_same_rows(ending: str) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    expected = data(rows())
    table = pyarrow.csv.read_csv("mine.csv")
    if ending == "parquet":
        pyarrow.parquet.write_table(table, "mine.parquet")
    elif ending == "jsonl":
        Path("mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        Path("mine.tsv").write_text(rows().replace(",", "\t"))
    content = Path(f"mine.{ending}").read_bytes()
    found = data(content, name=f"mine.{ending}")
    assert torch.equal(found.train.inputs, expected.train.inputs)
    assert torch.equal(found.train.targets, expected.train.targets)


@pytest.mark.parametrize(
    ("target", "goal", "names"),
    [
        ("size", "regression", ()),
        ("few", "multiclass", ("-1", "0", "1")),
        ("amount", "regression", ()),
        ("town", "binary", ("Oslo", "Rome")),
        ("paid", "binary", ("no", "yes")),
    ],
)
def test_the_task_is_inferred_from_the_target(target: str, goal: str, names: tuple[str, ...]) -> None:
    lines = [
        f"{i * 1.5},{i % 3 - 1},{(-1, 2, 10)[i % 3]},{('Rome', 'Oslo')[i % 2]},{('no', 'yes')[i % 2]}"
        for i in range(12)
    ]
    bundle = data("size,few,amount,town,paid\n" + "\n".join(lines) + "\n", target=target)
    assert (bundle.spec.goal, bundle.spec.class_names) == (goal, names)


def test_the_task_can_be_set() -> None:
    text = "few,x\n" + "\n".join(f"{i % 3},{i}" for i in range(12)) + "\n"
    assert data(text, target="few", task="regression").spec.goal == "regression"
    assert data(rows(), task="multiclass").spec.goal == "multiclass"
    with pytest.raises(ConfigError, match=r'The target "few" has 3 classes; use dataset\.task=multiclass'):
        data(text, target="few", task="binary")


def test_kinds_can_be_set_and_free_text_is_ignored() -> None:
    bundle = data(rows(), columns={"size": "category", "paid": "ignore"})
    assert bundle.spec.shape == (14,)
    assert "columns: paid is ignored (dataset.columns)" in bundle.notices
    names = "\n".join(f"person {i} of many,{i / 2},{'ab'[i % 2]}" for i in range(30))
    why = "free text, a different text in every row; to use it: dataset.columns={name: text}"
    assert f"columns: name is ignored ({why})" in data(f"name,x,bought\n{names}\n").notices
    with pytest.raises(ConfigError, match=r'There is no such column\. Did you mean "size"'):
        data(rows(), columns={"siz": "number"})
    with pytest.raises(ConfigError, match="Expected one of number, category"):
        data(rows(), columns={"size": "float"})


def test_a_rare_class_is_reported() -> None:
    text = "x,bought\n" + "\n".join(f"{i},{'b' if i < 4 else 'a'}" for i in range(100)) + "\n"
    (notice,) = [notice for notice in data(text).notices if notice.startswith("target")]
    assert notice.startswith("target: bought: a 96.0%, b 4.0%; b is rare: compare macro_f1")


BAD = {
    "ragged": (rows() + "1,2\n", 'mine.csv: line 14: expected 4 columns, got 2'),
    "too wide": (rows() + "1,Oslo,yes,a,b\n", "line 14: expected 4 columns, got 5"),
    "NUL": (rows() + "1,Os\0lo,yes,a\n", "line 14 has a NUL character"),
    "latin-1": (
        rows().encode() + b"1,Troms\xf8,yes,a\n",
        "line 14: byte 0xf8 is not UTF-8. Set the encoding of the file, for example dataset.encoding=cp1252",
    ),
    "utf-16": (
        rows().encode("utf-16"),
        "the file is UTF-16. Set the encoding of the file, for example dataset.encoding=utf-16",
    ),
    "empty": ("", "the file is empty"),
    "header only": ("size,town,paid,bought\n", "there is no row below the heading"),
    "blank": ("\n\n", "there is no row"),
    "duplicated column": ("size,size,bought\n1,2,a\n", 'duplicate column "size"; rename one of them'),
    "missing column": ("size,town\n1,Oslo\n", 'there is no column "bought" for dataset.target'),
    "all missing": ("y,bought\n,a\n,b\n,a\n,b\n", "no column is left for features (y: no value in any row)"),
    "infinite": (rows() + "inf,Oslo,yes,a\n", 'line 14, column "size": expected a number, got "inf"'),
    "huge": (rows() + "1e300,Oslo,yes,a\n", 'line 14, column "size": expected a number, got "1e+300"'),
    "one value": (rows().replace(",b\n", ",a\n"), 'the target "bought" is a in every row'),
    "dates": ("x,bought\n1,2026-01-01\n2,2026-01-02\n", 'the target "bought" has dates'),
    "no target": ("x,bought\n1,\n2,\n", 'the target "bought" has no value in any row'),
    "one column": ("bought\na\nb\na\nb\n", "no column is left for features"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_data_stops_the_run_with_a_message(text: str | bytes, message: str, dlrun: Dlrun) -> None:
    words = (
        "dataset=table",
        f"dataset.path={write(text)}",
        "dataset.target=bought",
        "model=linear",
        "device.threads=1",
    )
    code, out, err = dlrun(*words, "hydra.run.dir=run")
    assert code == 3, err
    assert message in err
    assert "Traceback" not in err
    assert out == ""
    assert not Path("run").exists()


def test_a_word_beyond_the_sample_is_missing_or_reported_with_its_line() -> None:
    lines = rows(30_000).splitlines()
    lines[20_001] = "many" + lines[20_001][5:]
    text = "\n".join(lines) + "\n"
    assert any('1 of 30,000 values is no number and counts as missing: "many" 1' in each for each in data(text).notices)
    for fields in ({"columns": {"size": "number"}}, {"missing": "error"}):
        with pytest.raises(DataError, match=r'line 20002, column "size": expected a number, got "many"'):
            data(text, **fields)


def test_rows_without_a_target_are_left_out_or_reported() -> None:
    text = rows() + "many,Oslo,yes,\n,,,\n"
    bundle = data(text)
    assert len(bundle.train) == 12
    told = "rows: 2 rows without a value of bought left out; to stop at the first: dataset.missing_target=stop"
    assert told in bundle.notices
    with pytest.raises(DataError, match=r'line 14, column "bought": the value is missing\.'):
        data(text, missing_target="stop")
    tested = data(rows(), test=write(text, "test.csv"))
    assert tested.sizes == {"train": 12, "test": 12}
    assert told.replace("rows without", "rows of dataset.test without") in tested.notices


def test_none_is_a_class_and_no_number() -> None:
    lines = "\n".join(f"{'None' if i == 3 else i / 2},{('None', 'Some')[i % 2]}" for i in range(12))
    bundle = data(f"x,bought\n{lines}\n")
    assert bundle.spec.class_names == ("None", "Some")
    assert bundle.train.inputs[3].tolist() == [3, 1]
    regression = data(f"x,bought\n{lines}\n", target="x")
    assert (regression.spec.goal, len(regression.train)) == ("regression", 11)


def test_a_class_of_one_row_is_trained_on(dlrun: Dlrun) -> None:
    words = ("dataset=table", f"dataset.path={write(rows(40) + '1,Oslo,yes,c' + chr(10))}", "dataset.target=bought")
    settings = DatasetSettings(val_fraction=0.4, test_fraction=0.6)
    bundle = data(rows(40) + "1,Oslo,yes,c\n", settings)
    assert bundle.train.targets.tolist().count(2) == 1
    code, out, err = dlrun("check", *words, "model=linear", "device.threads=1")
    assert code == 0, err
    assert "target: bought: too few rows to hold any out, all are trained on: c (1 row)" in out + err


def test_bad_rows_are_skipped_counted_and_listed_on_request(dlrun: Dlrun) -> None:
    text = rows(40) + "1,2\nmany,Oslo,yes,a\n3,Oslo,perhaps,a\n4,Rome,yes,\ninf,Rome,no,b\n"
    words = (
        "dataset=table",
        f"dataset.path={write(text)}",
        "dataset.target=bought",
        "model=linear",
        "device.threads=1",
    )
    columns = "dataset.columns={paid: boolean, size: number}"
    code, _, err = dlrun(*words, "hydra.run.dir=run", "dataset.on_bad_row=skip", "dataset.missing_target=stop", columns)
    assert code == 0, err
    result = json.loads(Path("run/result.json").read_text())["dataset"]
    assert sum(result["sizes"].values()) == 40
    assert result["skipped"]["train"]["rows"] == 5
    assert result["skipped"]["train"]["first"] == [
        "line 42: expected 4 columns, got 2; is a delimiter or a quote missing?",
        'line 43, column "size": expected a number, got "many"',
        'line 44, column "paid": expected yes or no, got "perhaps"',
        'line 45, column "bought": the value is missing',
        'line 46, column "size": expected a number, got "inf"',
    ]
    assert "5 bad rows skipped" in err
    assert "5 bad rows skipped" in Path("run/dlrun.log").read_text()


def test_byte_order_marks_encodings_and_delimiters_are_read() -> None:
    expected = data(rows()).train.inputs
    assert torch.equal(data(b"\xef\xbb\xbf" + rows().encode()).train.inputs, expected)
    assert torch.equal(data(rows().replace(",", ";")).train.inputs, expected)
    assert torch.equal(data(rows().replace(",", "|")).train.inputs, expected)
    assert torch.equal(data(rows().replace("\n", "\r\n")).train.inputs, expected)
    assert torch.equal(
        data(rows().replace("Rome", "Tromsø").encode("cp1252"), encoding="cp1252").train.inputs, expected
    )
    assert torch.equal(data(rows().encode("utf-16"), encoding="utf-16").train.inputs, expected)


def test_a_wrong_delimiter_or_encoding_is_reported() -> None:
    with pytest.raises(DataError, match=r'Its only column is "size,town,paid,bought": is dataset\.delimiter right'):
        data(rows(), delimiter=";")
    with pytest.raises(ConfigError, match="Expected auto, tab or one character"):
        data(rows(), delimiter="::")
    with pytest.raises(ConfigError, match='There is no encoding "utf8000"'):
        data(rows(), encoding="utf8000")


def test_missing_values_can_be_reported_or_dropped() -> None:
    text = rows() + ",Oslo,yes,a\n"
    with pytest.raises(
        DataError, match=r'line 14, column "size": the value is missing; to fill .*: dataset.missing=fill'
    ):
        data(text, missing="error")
    bundle = data(text, missing="drop")
    assert len(bundle.train) == 12
    assert any("1 row with missing values dropped" in notice for notice in bundle.notices)


def test_files_that_are_no_tables_are_reported(tmp_path: Path) -> None:
    for path, message in (("none.csv", "there is no such file"), (str(tmp_path), "expected a file, got a folder")):
        with pytest.raises(DataError, match=message):
            table_source(TableSettings("table", path=path, target="x"))
    with pytest.raises(DataError, match=r"expected a file ending in \.csv"):
        table_source(TableSettings("table", path=write("x", "mine.xlsx"), target="x"))
    with pytest.raises(DataError, match=r'there is no such example\. Did you mean "people.csv"'):
        table_source(TableSettings("table", path="example:peple.csv", target="x"))
    for ending in ("parquet", "jsonl"):
        with pytest.raises(DlrunError, match=f"mine.{ending}: .*(cannot be read as|expected a JSON)"):
            table_source(TableSettings("table", path=write("not one", f"mine.{ending}"), target="x"))


def test_a_file_that_changes_while_it_is_read_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlrun.data.tables import judging as module

    read = module.read_rows

    def and_write(*given: object, **fields: object) -> object:
        found = read(*given, **fields)  # type: ignore[arg-type]
        with Path("mine.csv").open("a") as stream:
            stream.write("1,Oslo,yes,a\n")
        return found

    monkeypatch.setattr(module, "read_rows", and_write)
    with pytest.raises(DataError, match=r"mine.csv: it changed while it was being read"):
        data(rows())


def test_a_run_on_a_changed_file_cannot_be_resumed(dlrun: Dlrun) -> None:
    words = (
        "dataset=table",
        f"dataset.path={write(rows(40))}",
        "dataset.target=bought",
        "model=linear",
        "trainer.epochs=1",
    )
    assert dlrun(*words, "hydra.run.dir=run", "device.threads=1")[0] == 0
    write(rows(41))
    code, _, err = dlrun("resume", "run", "trainer.epochs=2")
    assert code == 2
    assert "The data is not what the checkpoint was trained on" in err


def test_a_large_file_is_read_once_and_then_comes_from_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from dlrun.data.files import cache
    from dlrun.data.tables import judging as module

    monkeypatch.setattr(cache, "_WORTH_S", 0)
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))
    first = data(rows() + "1,2\n", skip_bad_rows=True)
    monkeypatch.setattr(module, "read_rows", None)
    again = data(rows() + "1,2\n", skip_bad_rows=True)
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert first.notices == again.notices
    assert first.skipped == again.skipped
    assert np.isfinite(again.train.inputs.numpy()).all()


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_new_rows_are_predicted_in_chunks(ending: str, dlrun: Dlrun, tmp_path: Path) -> None:
    from dlrun.data.tables import encoding as table_encoding

    words = ("dataset=table", f"dataset.path={write(rows(60))}", "dataset.target=bought", "model=linear")
    code, _, err = dlrun(*words, "device.threads=1", "--quiet", "hydra.run.dir=run")
    assert code == 0, err
    table = csv.read_csv(io.BytesIO(rows(50).encode()))
    if ending == "csv":
        csv.write_csv(table, "new.csv")
    elif ending == "parquet":
        parquet.write_table(table, "new.parquet")
    else:
        Path("new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    with pytest.MonkeyPatch.context() as patched:
        code, whole, err = dlrun("predict", "run", f"new.{ending}", "--probabilities")
        assert code == 0, err
        patched.setattr(table_encoding, "_BLOCK_ROWS", 7)
        for out in ("out.csv", "out.tsv", "out.jsonl", "out.parquet"):
            code, _, err = dlrun("predict", "run", f"new.{ending}", "--probabilities", "-o", out)
            assert code == 0, err
            assert err == f"{table.num_rows} predictions in {out}\n"
    expected = [line.split(",") for line in whole.splitlines()]
    for out, delimiter in (("out.csv", ","), ("out.tsv", "\t")):
        found = [line.split(delimiter) for line in Path(out).read_text().splitlines()]
        assert [row[0] for row in found] == [row[0] for row in expected]
        for ours, theirs in zip(found[1:], expected[1:], strict=True):
            assert [float(value) for value in ours[1:]] == pytest.approx([float(value) for value in theirs[1:]])
    columns = parquet.read_table("out.parquet").to_pydict()
    assert columns["prediction"] == [row[0] for row in expected[1:]]
    assert [json.loads(line)["prediction"] for line in Path("out.jsonl").read_text().splitlines()] == columns[
        "prediction"
    ]


def test_a_bad_row_in_a_later_chunk_leaves_no_file_and_no_output(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlrun.data.tables import encoding as table_encoding

    words = ("dataset=table", f"dataset.path={write(rows(60))}", "dataset.target=bought", "model=linear")
    assert dlrun(*words, "device.threads=1", "--quiet", "hydra.run.dir=run")[0] == 0
    monkeypatch.setattr(table_encoding, "_BLOCK_ROWS", 7)
    Path("new.csv").write_text(rows(50) + "many,Oslo,yes,a\n")
    for words in (("-o", "out.csv"), ()):
        code, out, err = dlrun("predict", "run", "new.csv", *words)
        assert (code, out) == (3, "")
        assert 'column "size": expected a number, got "many"' in err
    assert not list(Path().glob("*out.csv*"))
