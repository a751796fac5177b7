"""`dlrun.data.files.records`: the same texts from every format, and errors that name the place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dlrun.data.files.bad_rows import BadRows
from dlrun.data.files.records import open_records, read_records
from dlrun.errors import ConfigError, DataError


def rows(path: Path, *columns: str, delimiter: str | None = None) -> list[tuple[list[str], str]]:
    file = open_records(path, delimiter=delimiter)
    records = read_records(file, columns, bad=BadRows(skip=False, where=f"{path}: ").add)
    return [(record.cells, record.place) for record in records]


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: str, name: str = "x.csv") -> Path:
        (tmp_path / name).write_bytes(content.encode())
        return tmp_path / name

    return write


FILES = [
    ("x.csv", 'label,text\nA,"one, ""two"""\n\nB,"a\nb"\n'),
    ("x.csv", '\n\ufefflabel, text \r\nA,"one, ""two"""\r\nB,"a\nb"\r\n'.lstrip()),
    ("x.csv", '\nlabel,text\nA,"one, ""two"""\nB,"a\nb"\n'),
    ("x.dump", 'label,text\nA,"one, ""two"""\nB,"a\nb"\n'),
    ("x.tsv", 'label\ttext\nA\t"one, ""two"""\nB\t"a\nb"\n'),
    ("x.jsonl", '{"label": "A", "text": "one, \\"two\\""}\n\n{"text": "a\\nb", "label": "B"}\n'),
]


@pytest.mark.parametrize(("name", "content"), FILES)
def test_each_format_has_the_requested_columns(name: str, content: str, file: Any) -> None:
    assert [cells for cells, _ in rows(file(content, name), "text", "label")] == [['one, "two"', "A"], ["a\nb", "B"]]


WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None
from pathlib import Path
from dlrun.data.files.records import open_records, read_records
for name in sys.argv[1:]:
    records = read_records(open_records(Path(name)), ["text", "label"], bad=lambda text: sys.exit(text))
    assert [record.cells for record in records] == [['one, "two"', "A"], ["a\\nb", "B"]], name
"""


def test_csv_tsv_and_json_lines_need_no_pyarrow(tmp_path: Path) -> None:
    names = []
    for number, (name, content) in enumerate(FILES):
        names.append(f"{number}{name}")
        Path(names[-1]).write_bytes(content.encode())
    run = subprocess.run([sys.executable, "-c", WITHOUT_PYARROW, *names], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("words", [("dataset=text", "model=rnn"), ("dataset=series", "dataset.time=t", "model=rnn")])
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_texts_and_series_are_trained_without_pyarrow(
    words: tuple[str, ...], ending: str, dlrun: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pyarrow", "pyarrow.csv", "pyarrow.json", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    names = ("text", "label") if "text" in words[0] else ("t", "x")
    cells = [(f"a {i}", "ab"[i % 2]) if "text" in words[0] else (str(i), str(i % 5)) for i in range(60)]
    if ending == "jsonl":
        lines = [f'{{"{names[0]}": "{first}", "{names[1]}": "{second}"}}' for first, second in cells]
    else:
        lines = [("\t" if ending == "tsv" else ",").join(pair) for pair in (names, *cells)]
    Path(f"x.{ending}").write_text("\n".join(lines) + "\n")
    common = ("trainer.max_steps=1", "device.threads=1", "--quiet", "hydra.run.dir=run")
    window = ("dataset.window=4",) if "series" in words[0] else ()
    code, _, err = dlrun(*words, *window, f"dataset.path=x.{ending}", *common)
    assert code == 0, err


def test_places_are_lines_that_rows_begin_on(file: Any) -> None:
    path = file('a,b\n1,"x\ny"\n\n3,z\n')
    assert [place for _, place in rows(path, "a")] == ["line 2", "line 5"]
    assert open_records(path).names == ["a", "b"]


def test_json_values_that_are_not_text(file: Any) -> None:
    path = file('{"a": 1, "b": null}\n{"a": true}\n{"a": 1.5, "b": "x"}\n', "x.jsonl")
    assert rows(path, "a", "b") == [(["1", ""], "line 1"), (["true", ""], "line 2"), (["1.5", "x"], "line 3")]


def test_a_column_may_be_absent_from_the_first_json_object(file: Any) -> None:
    path = file('{"a": 1}\n{"b": "x"}\n', "x.jsonl")
    assert rows(path, "b") == [([""], "line 1"), (["x"], "line 2")]
    assert open_records(path).all_names() == ["a", "b"]
    with pytest.raises(DataError, match=r'there is no column "c"\. Choose from: a, b\.'):
        rows(path, "c")


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"a": ["x", None], "b": [1, 2], "a.b": [3, 4]}), tmp_path / "x.parquet")
    assert rows(tmp_path / "x.parquet", "b", "a") == [(["1", "x"], "row 1"), (["2", ""], "row 2")]
    parquet.write_table(pyarrow.table({"a": pyarrow.array([], pyarrow.string())}), tmp_path / "none.parquet")
    with pytest.raises(DataError, match=r"none.parquet: there is no row\."):
        rows(tmp_path / "none.parquet", "a")
    (tmp_path / "y.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match=r"y.parquet: cannot be read as parquet"):
        rows(tmp_path / "y.parquet", "a")


def test_parquet_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConfigError, match=r'needs pyarrow, which is not installed: pip install "dlrun\[table\]"'):
        rows(tmp_path / "x.parquet", "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n", r"there is no row below the heading\."),
        ("a,a\n1,2\n", r'duplicate column "a"; rename one of them\.'),
        ("b,c\n1,2\n", r'there is no column "a"\. Choose from: b, c'),
        ("a;b\n1;2\n", r'no column "a"\. Its only column is "a;b": is dataset\.delimiter right\?'),
        (
            "a,b\n1,2\n1\n",
            r"line 3: expected 2 columns, got 1; is a delimiter or a quote missing\? Fix the row, or skip bad rows "
            r"with dataset\.on_bad_row=skip\.",
        ),
        ('a,b\n1,"2\n', r"line 2: cannot be read as csv \(unexpected end of data\)"),
        ('"a', r"there is no row below the heading; is a quote missing\?"),
    ],
)
def test_damage_has_its_place_in_the_error(content: str, message: str, file: Any) -> None:
    with pytest.raises(DataError, match=message):
        rows(file(content), "a")


def test_a_duplicate_column_that_is_not_requested_is_ignored(file: Any) -> None:
    assert rows(file("a,,\n1,2,3\n"), "a") == [(["1"], "line 2")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a"', r"line 2: expected a JSON object, got no JSON \(Expecting ':' delimiter"),
        ("[1]", r"line 2: expected a JSON object, got a list\."),
        ("null", r"line 2: expected a JSON object, got null\."),
        ("[" * 100_000, r"line 2: expected a JSON object, got no JSON \(maximum recursion depth"),
    ],
    ids=["damaged", "list", "null", "deep"],
)
def test_damaged_json_lines_stop_or_are_skipped(line: str, message: str, file: Any) -> None:
    path = file(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n', "x.jsonl")
    with pytest.raises(DataError, match=message):
        rows(path, "a")
    bad = BadRows(skip=True)
    records = read_records(open_records(path), ["a"], bad=bad.add)
    assert [(record.cells, record.place) for record in records] == [(["1"], "line 1"), (["2"], "line 3")]
    assert bad.count == 1


def test_a_delimiter_is_one_character(file: Any) -> None:
    for delimiter in (";", "auto"):
        assert rows(file("a;b\n1;2\n"), "b", delimiter=delimiter) == [(["2"], "line 2")]
    assert rows(file("a\tb\n1\t2\n"), "b", delimiter="tab") == [(["2"], "line 2")]
    with pytest.raises(ConfigError, match=r"dataset.delimiter=;;\n.*Expected auto, tab or one character"):
        rows(file("a;b\n1;2\n"), "b", delimiter=";;")


def test_bad_rows_are_skipped_on_request(file: Any) -> None:
    path = file("a,b\n" + "1\n" * 7 + "1,2\n")
    bad = BadRows(skip=True)
    found = list(read_records(open_records(path), ["b"], bad=bad.add))
    assert [record.cells for record in found] == [["2"]]
    assert bad.count == 7
    assert bad.listed[0] == "line 2: expected 2 columns, got 1; is a delimiter or a quote missing?"
