"""`dlrun explain`, through the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from dlrun.report.plots.fonts import notice
from tests.runs.explain.known import needs_captum

Dlrun = Callable[..., tuple[int, str, str]]
Train = Callable[..., Path]
IRIS = "a,b,c,d\n" + "5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n" * 6


@pytest.fixture
def iris(short_run: Train) -> str:
    """Return a run trained on iris; write a file of 12 rows."""
    short_run("run", "trainer.epochs=15", "optimizer.lr=0.1")
    Path("new.csv").write_text(IRIS)
    return "run"


@needs_captum
def test_rows_are_explained_on_the_console_as_json_and_as_a_picture(iris: str, dlrun: Dlrun) -> None:
    code, out, err = dlrun("explain", iris, "new.csv", "--row", "2")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "row 2: virginica"
    assert lines[1].startswith('log-odds of "virginica": ')
    assert lines[1].endswith("from the row (Shapley values, 24 orders)")
    assert lines[3].split() == ["column", "value", "adds"]
    assert {line.split()[0] for line in lines[4:]} == {
        "sepal_length_cm",
        "sepal_width_cm",
        "petal_length_cm",
        "petal_width_cm",
    }
    assert lines[4].split()[0] in ("petal_length_cm", "petal_width_cm")

    code, out, err = dlrun("explain", iris, "new.csv", "--class", "setosa", "--json")
    found = json.loads(out)
    assert (code, len(found)) == (0, 10)
    assert "new.csv has more rows; the first 10 are explained. --row N explains another." in err
    first = found[0]
    assert (first["row"], first["prediction"], first["explained"]) == (
        1, {"prediction": "setosa"}, 'log-odds of "setosa"',
    )  # fmt: skip
    amounts = [share["amount"] for share in first["parts"]["column"]]
    assert sum(amounts) == pytest.approx(first["value"] - first["baseline"], abs=1e-5)
    assert first["parts"]["column"][2]["amount"] > 0  # a short petal speaks for setosa
    assert found[1]["parts"]["column"][2]["amount"] < 0

    assert dlrun("explain", iris, "new.csv", "--row", "1", "-o", "why.png")[:2] == (0, "why.png\n")
    with Image.open(io.BytesIO(Path("why.png").read_bytes())) as picture:
        assert picture.width > 1000
    assert dlrun("explain", iris, "new.csv", "-q", "-o", "why.json")[::2] == (0, "")
    written = json.loads(Path("why.json").read_text())
    assert [each["explained"] for each in written[:2]] == ['log-odds of "setosa"', 'log-odds of "virginica"']
    assert written[0] == first


@needs_captum
def test_images_of_a_folder_are_named(short_run: Train, dlrun: Dlrun) -> None:
    short_run("run", "dataset=digits", "trainer.epochs=1")
    Path("pictures").mkdir()
    for name, value in (("b", 200), ("a", 30)):
        Image.new("L", (8, 8), value).save(f"pictures/{name}.png")
    code, out, err = dlrun("explain", "run", "pictures", "--json")
    assert code == 0, err
    assert [(each["row"], each["place"]) for each in json.loads(out)] == [(1, "a.png"), (2, "b.png")]
    assert [len(line) for line in json.loads(out)[0]["grid"]] == [8] * 8
    assert dlrun("explain", "run", "pictures", "-o", "why.png")[0] == 0
    code, out, _ = dlrun("explain", "run", "pictures", "--row", "2")
    assert out.startswith("row 2 (b.png): ")
    assert "(52 more)" in out


@needs_captum
def test_rows_that_are_not_there_are_told(iris: str, dlrun: Dlrun) -> None:
    assert "new.csv has 12 rows." in dlrun("explain", iris, "new.csv", "--row", "13")[2]
    code, _, err = dlrun("explain", iris, "old.csv")
    assert (code, "old.csv: no such file or folder." in err) == (3, True)
    Path("empty.csv").write_text("a,b,c,d\n")
    assert "empty.csv: there is no row to explain." in dlrun("explain", iris, "empty.csv")[2]
    assert (
        "This run has no such class. Choose from: setosa, versicolor, virginica."
        in dlrun("explain", iris, "new.csv", "--class", "rose")[2]
    )


def test_importance_of_columns_needs_no_extra(iris: str, dlrun: Dlrun) -> None:
    code, out, _ = dlrun("explain", iris, "--split", "train")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("train/accuracy 0.")
    assert lines[0].endswith(" on 108 rows")
    assert lines[1] == "how much lower accuracy is with a column shuffled: mean and standard deviation of 5 shuffles"
    assert lines[3].split() == ["column", "importance", "+-"]
    assert lines[4].split()[0] in ("petal_length_cm", "petal_width_cm")
    found = json.loads(dlrun("explain", iris, "--split", "train", "--json")[1])
    assert (found["split"], found["metric"], found["rows"], len(found["columns"])) == ("train", "accuracy", 108, 4)
    assert len(found["columns"][0]["repeats"]) == 5
    assert dlrun("explain", iris, "--split", "train", "-o", "columns.png")[:2] == (0, "columns.png\n")
    assert Path("columns.png").read_bytes().startswith(b"\x89PNG")
    assert dlrun("explain", iris, "--split", "train", "-o", "columns.json")[0] == 0
    assert json.loads(Path("columns.json").read_text()) == found


def test_characters_of_columns_that_no_font_has_are_told(
    short_run: Train, dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlrun.report.plots.fonts.installed", lambda: iter(()))
    Path("cats.csv").write_text("猫,dog,y\n" + "1,2,3\n2,1,5\n4,3,7\n3,5,6\n" * 5, encoding="utf-8")
    short_run("run", "dataset=table", "dataset.path=cats.csv", "dataset.target=y")
    words = ("explain", "run", "--split", "test", "-o")
    assert dlrun(*words, "columns.png", "-q") == (0, "columns.png\n", "")
    assert dlrun(*words, "columns.png") == (0, "columns.png\n", f"notice: {notice({'猫'})}\n")
    assert dlrun(*words, "columns.json") == (0, "columns.json\n", "")


def test_a_wrong_command_is_told_before_anything_is_read(own_folder: Path, dlrun: Dlrun) -> None:
    code, _, err = dlrun("explain", "run", "new.csv", "-o", "why.svg")
    assert (code, "Expected a file ending in .png or .json." in err) == (2, True)
    assert "Expected a file in a folder that exists." in dlrun("explain", "run", "new.csv", "-o", "no/why.png")[2]
    Path("new.json").write_text("{}")
    assert "This is the input; choose another file" in dlrun("explain", "run", "new.json", "-o", "new.json")[2]
    assert dlrun("explain", "run", "--split", "test", "--row", "1")[0] == 2
    assert dlrun("explain", "run")[0] == 2
