"""dlrun.runs.predict and `dlrun predict`: predictions for new rows from the run's folder alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Dlrun = Callable[..., tuple[int, str, str]]
IRIS = "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n"
CPU = ("device.threads=1", "device=cpu", "-q")


@pytest.fixture
def iris(short_run: Callable[..., Path], tmp_path: Path) -> str:
    """Return a run trained on iris, whose folder was moved; write a file of new rows."""
    run = short_run("run", "trainer.epochs=60", "optimizer.lr=0.05")
    shutil.move(run, tmp_path / "moved")
    Path("new.csv").write_text(IRIS)
    return "moved"


def test_classes_are_named_in_the_order_of_the_rows(iris: str, dlrun: Dlrun) -> None:
    code, out, _ = dlrun("predict", iris, "new.csv")
    assert (code, out) == (0, "prediction\nsetosa\nvirginica\n")


def test_probabilities_have_a_column_for_each_class_and_add_up_to_one(iris: str, dlrun: Dlrun) -> None:
    assert dlrun("predict", iris, "new.csv", "--probabilities", "-o", "out.jsonl")[0] == 0
    found = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    names = ["prediction", "probability_setosa", "probability_versicolor", "probability_virginica"]
    assert [list(row) for row in found] == [names, names]
    assert sum(list(found[0].values())[1:]) == pytest.approx(1)
    assert found[0]["probability_setosa"] > 0.5


def test_the_file_ending_selects_the_format(iris: str, dlrun: Dlrun) -> None:
    import pyarrow.parquet

    for ending in ("csv", "tsv", "jsonl", "parquet"):
        code, out, err = dlrun("predict", iris, "new.csv", "-o", f"out.{ending}")
        assert (code, out) == (0, "")
        assert err == f"2 predictions in out.{ending}\n"
    assert Path("out.tsv").read_text() == Path("out.csv").read_text() == "prediction\nsetosa\nvirginica\n"
    assert pyarrow.parquet.read_table("out.parquet").to_pydict() == {"prediction": ["setosa", "virginica"]}


def test_numbers_are_in_the_unit_of_the_target(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    words = ("dataset=line", "dataset.standardise=true", "dataset.standardise_target=true", "optimizer.lr=0.1")
    short_run("run", *words, "trainer.epochs=60")
    Path("new.csv").write_text("10\n20\n")
    _, out, _ = dlrun("predict", "run", "new.csv")
    assert [float(line) for line in out.splitlines()[1:]] == pytest.approx([21, 41], abs=0.2)


def test_rows_are_printed_as_json_on_request(iris: str, dlrun: Dlrun) -> None:
    code, out, _ = dlrun("predict", iris, "new.csv", "--json")
    assert code == 0
    assert json.loads(out) == [{"prediction": "setosa"}, {"prediction": "virginica"}]


def test_images_are_resized_to_the_size_of_training(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    short_run("run", "dataset=digits", "dataset.pad=1", "model=cnn", "model.channels=[4]")
    Path("pictures").mkdir()
    for name, size in (("b.png", 8), ("a.png", 20)):
        Image.fromarray(np.zeros((size, size), dtype=np.uint8)).save(f"pictures/{name}")
    code, out, err = dlrun("predict", "run", "pictures")
    assert code == 0, err
    assert [line.split(",")[0] for line in out.splitlines()] == ["file", "a.png", "b.png"]
    assert len({line.split(",")[1] for line in out.splitlines()[1:]}) == 1
    assert "notice: pictures/a.png is 20x20; images are resized to 8x8, as in training." in err
    Path("pictures/c.png").write_bytes(b"\x89PNG and then nothing")
    code, _, err = dlrun("predict", "run", "pictures", "-o", "out.csv")
    assert code == 3
    assert "pictures/c.png: is not an image; expected PNG, JPEG, BMP, WebP, GIF, TIFF or PPM." in err
    assert not Path("out.csv").exists()


def test_a_text_that_a_spreadsheet_would_execute_is_quoted() -> None:
    from dlrun.report.predictions import as_csv

    chunks = [{"=head": ["=1+1", "@a"], "n": [-1.5, 2.0]}, {"=head": ["fine"], "n": [3.0]}]
    assert "".join(as_csv(chunks)) == "'=head,n\n'=1+1,-1.5\n'@a,2.0\nfine,3.0\n"


def test_json_of_a_text_with_a_line_separator_can_be_read() -> None:
    from dlrun.report.predictions import as_json

    chunks = [{"kind": ["a\u2028b", "c\x85d"]}, {"kind": ["e"]}]
    assert json.loads("".join(as_json(chunks))) == [{"kind": "a\u2028b"}, {"kind": "c\x85d"}, {"kind": "e"}]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("predict",), 2, "Expected a run's folder and a file of new rows"),
        (("predict", "moved"), 2, "Expected a run's folder and a file of new rows"),
        (("predict", "nowhere", "new.csv"), 2, "There is no run in this folder"),
        (("predict", "moved", "none.csv"), 3, "none.csv: no such file or folder"),
        (("predict", "moved", "new.csv", "-o", "out.xlsx"), 2, "Expected a file ending in .csv, .tsv"),
        (("predict", "moved", "new.csv", "-o", "new.csv"), 2, "This is the input; choose another file"),
        (("predict", "moved", "new.csv", "-o", "no/out.csv"), 2, "Expected a file in a folder that exists"),
        (("predict", "moved", "new.csv", "--top", "3"), 2, "Only a recommender"),
        (("predict", "moved", "new.csv", "--top", "x"), 2, "Expected a whole number from 1"),
        (("predict", "moved", "--prompt", "Once"), 2, "This run has no language model"),
        (("predict", "moved", "empty.csv"), 3, "no rows to predict"),
        (("predict", "moved", "narrow.csv"), 3, "narrow.csv: line 2: expected 4 numbers, got 2 values"),
        (("predict", "moved", "text.csv"), 3, 'text.csv: line 2, column 3: expected a number, got "x"'),
    ],
)
def test_what_cannot_be_predicted_is_an_error(
    iris: str, words: tuple[str, ...], code: int, message: str, dlrun: Dlrun
) -> None:
    Path("empty.csv").write_text("a,b,c,d\n")
    Path("narrow.csv").write_text("a,b,c,d\n1,2\n")
    Path("text.csv").write_text("a,b,c,d\n1,2,x,4\n")
    found, out, err = dlrun(*words)
    assert found == code
    assert message in err
    assert out == ""


def test_a_device_file_is_an_error(iris: str, dlrun: Dlrun) -> None:
    code, _, err = dlrun("predict", iris, "/dev/null")
    assert code == 3
    assert "/dev/null: expected a file or a folder, got a pipe or a device." in err


def test_runs_that_cannot_predict_say_so(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    short_run("line", "dataset=line")
    Path("new.csv").write_text("1\n")
    assert (
        "This run predicts numbers, which have no probabilities"
        in dlrun("predict", "line", "new.csv", "--probabilities")[2]
    )
    state = next(Path("line/checkpoints").glob("step-*/state.json"))
    manifest = state.with_name("manifest.json")
    content = json.loads(state.read_text())
    del content["about"]["spec"]
    from hashlib import sha256

    from dlrun.storage.checkpoint_format import sealed_manifest

    raw = json.dumps(content).encode()
    for path in Path("line/checkpoints").glob("step-*/state.json"):
        path.write_bytes(raw)
        manifest = path.with_name("manifest.json")
        listed = json.loads(manifest.read_text())
        listed["files"]["state.json"] = {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
        manifest.write_bytes(sealed_manifest({key: listed[key] for key in ("files", "format", "step")}))
    code, _, err = dlrun("predict", "line", "new.csv")
    assert code == 5
    assert "checkpoints do not contain what predicting needs" in err


def test_a_generative_model_cannot_predict(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    short_run("gan", "dataset=digits", "dataset.limit=60", "model=gan", "trainer.epochs=1")
    Path("new.csv").write_text("1\n")
    code, _, err = dlrun("predict", "gan", "new.csv")
    assert code == 2
    assert "This model generates samples and predicts nothing; its images are in the run's folder samples/." in err


def test_the_encoder_of_a_plugin_reads_new_rows(dlrun: Dlrun) -> None:
    Path("mine.py").write_text(
        "import torch\n"
        "from dlrun.data.source import Encoded, Encoder\n"
        "from dlrun import Rows, Source\n"
        "class Reader(Encoder):\n"
        "    def state(self): return {'scale': 2}\n"
        "    def encode(self, path): return Encoded(torch.tensor([[float(path.read_text())]]))\n"
        "def encoder(state):\n"
        "    assert state == {'scale': 2}\n"
        "    return Reader()\n"
        "def mine() -> Source:\n"
        "    x = torch.arange(20.).unsqueeze(1)\n"
        "    return Source('dense', 'regression', Rows(x, x), encoder=Reader())\n"
    )
    words = ("--plugin", "mine.py", "dataset=mine", "model=linear", "trainer.epochs=1", *CPU)
    assert dlrun(*words, "hydra.run.dir=run")[0] == 0
    Path("new.txt").write_text("3")
    code, out, err = dlrun("predict", "run", "new.txt", "--plugin", "mine.py")
    assert code == 0, err
    assert len(out.splitlines()) == 2
