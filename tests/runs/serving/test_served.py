"""dlrun.runs.serving.served: the predictions of a server are those of `dlrun predict`."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dlrun.cli.saved_run import compose_run
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.source import Encoded
from dlrun.errors import ConfigError
from dlrun.runs.export.opened import open_exported
from dlrun.runs.predict import continue_prompt, model_outputs, predict
from dlrun.runs.serving.served import Served, ServedFile, ServedRun, joined, leaf_types
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask
from tests.runs.export.conftest import Load, Train
from tests.runs.serving.conftest import needs_serve, post

pytestmark = needs_serve
Start = Callable[..., Any]


def predicted(folder: Path, source: Path, *, probabilities: bool = True) -> list[dict[str, Any]]:
    """Return what `dlrun predict` says of a file, a row each."""
    catalog = Catalog()
    config = compose_run(folder, (), catalog).config
    rows: list[dict[str, Any]] = []
    for columns in predict(config, catalog, folder, source, probabilities=probabilities):
        rows += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return rows


def rows_of(path: Path) -> list[dict[str, str | None]]:
    with path.open(newline="") as stream:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(stream)]


def close(found: list[dict[str, Any]], own: list[dict[str, Any]], *, within: float = 1e-6) -> None:
    """Assert that a server says what `dlrun predict` does, which may also name the file of a row."""
    assert len(found) == len(own) > 0
    for one, other in zip(found, own, strict=True):
        assert one
        for name, value in one.items():
            assert other[name] == (pytest.approx(value, abs=within, rel=within) if isinstance(value, float) else value)


def test_texts(client: Start, trained: Train, data: Path) -> None:
    server = client("text")
    texts = rows_of(data / "texts.csv")[:20]
    own = predicted(trained("text"), data / "texts.csv")[:20]
    found = post(server, rows=texts, probabilities=True)
    assert [*found[0]] == ["prediction", "probability_neg", "probability_pos"]
    close(found, own)
    close(post(server, rows=[row["text"] for row in texts], probabilities=True), own)
    assert post(server, rows=texts[:2]) == [{"prediction": row["prediction"]} for row in own[:2]]


def test_images_as_files_base64_and_pixels(client: Start, trained: Train, data: Path) -> None:
    server = client("images")
    files = sorted((data / "images" / "cat").iterdir())[:3]
    own = predicted(trained("images"), data / "images" / "cat")[:3]
    uploads = [("files", (path.name, path.read_bytes())) for path in files]
    answer = server.post("/predict", files=uploads, data={"probabilities": "true"})
    close(answer.json()["predictions"], own)
    encoded = [base64.b64encode(path.read_bytes()).decode() for path in files]
    close(post(server, rows=[{"image": each} for each in encoded], probabilities=True), own)
    assert post(server, rows=["data:image/png;base64," + encoded[0]])[0]["prediction"] == own[0]["prediction"]


def test_rows_of_numbers_and_pixels_with_a_border(client: Start, loaded: Load) -> None:
    server = client("cnn")  # digits, with dataset.pad
    pixels = np.random.default_rng(0).integers(0, 17, (2, 1, 8, 8))
    run = loaded("cnn")
    assert isinstance(run.task, SupervisedTask)
    outputs = model_outputs(run, run.task, Encoded(torch.tensor(pixels).float()))
    columns = goal_of(run.spec).columns(run.spec, outputs, probabilities=True)
    own = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    close(post(server, inputs=pixels.tolist(), probabilities=True), own)


def test_a_table_with_several_targets(client: Start, trained: Train, data: Path) -> None:
    own = predicted(trained("several"), data / "table.csv")[:30]
    found = post(client("several"), rows=rows_of(data / "table.csv")[:30], probabilities=True)
    assert {"price", "colour", "probability_colour_red"} <= {*found[0]}
    close(found, own)


def test_the_window_of_a_series(client: Start, trained: Train, data: Path) -> None:
    points: Any = [{"a": float(row["a"] or 0), "b": float(row["b"] or 0)} for row in rows_of(data / "series.csv")]
    own = predicted(trained("forecast"), data / "series.csv", probabilities=False)
    found = post(client("forecast"), rows=[{"points": points}, points])
    assert [*found[0]] == ["a+1", "b+1", "a+2", "b+2"]
    close(found, [*own, *own], within=1e-5)


def test_a_language_model_continues(client: Start, trained: Train) -> None:
    folder, catalog = trained("language"), Catalog()
    config = compose_run(folder, (), catalog).config
    own = continue_prompt(config, catalog, folder, "good nice", length=7, temperature=0.5)
    assert post(client("language"), rows=["good nice"], length=7, temperature=0.5) == [{"prediction": own}]


def test_a_generator_has_nothing_to_serve() -> None:
    run: Any = SimpleNamespace(task=None, spec=None, config=SimpleNamespace(model=SimpleNamespace(name="gan")))
    with pytest.raises(ConfigError, match="generates samples and predicts nothing, so there is nothing to serve"):
        ServedRun(run, name="gan")


def test_an_exported_file(client: Start, trained: Train, data: Path, tmp_path: Path, dlrun: Any) -> None:
    path = tmp_path / "m.pt2"
    assert dlrun("export", str(trained("text")), "-o", str(path), "-q")[0] == 0
    texts = rows_of(data / "texts.csv")[:9]
    found = post(client(ServedFile(open_exported(path))), rows=texts, probabilities=True)
    close(found, predicted(trained("text"), data / "texts.csv")[:9])


@pytest.mark.parametrize("name", ["language", "language_rnn"])
def test_an_exported_language_model_continues(
    name: str, client: Start, trained: Train, tmp_path: Path, dlrun: Any
) -> None:
    path = tmp_path / "m.pt2"
    assert dlrun("export", str(trained(name)), "-o", str(path), "-q")[0] == 0
    asked = {"rows": ["good nice", {"text": "so very not bad " * 9}], "length": 25, "temperature": 0.9}
    own = post(client(name), **asked)
    assert own[0]["prediction"].startswith("good nice")
    assert len(own[0]["prediction"]) == len("good nice") + 25  # characters
    assert post(client(ServedFile(open_exported(path))), **asked) == own


def test_files_that_predict_nothing_are_refused() -> None:
    class Model:
        def __init__(self, kind: str) -> None:
            self.about = {"file": {"name": "m.onnx"}, "preprocessing": {"kind": kind}}

    with pytest.raises(ConfigError, match="nothing to serve"):
        ServedFile(Model("noise"))  # type: ignore[arg-type]


def test_rows_of_different_lengths_are_padded_together() -> None:
    first = {"tokens": np.array([[1, 2, 3]]), "lengths": np.array([3])}
    second = {"tokens": np.array([[4], [5]]), "lengths": np.array([1, 1])}
    found = joined([first, second])
    assert found["tokens"].tolist() == [[1, 2, 3], [4, 0, 0], [5, 0, 0]]
    assert found["lengths"].tolist() == [3, 1, 1]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ([["a"]], "Expected nested numbers."),
        ([[[1.0, 2.0], [3.0]]], "Expected nested numbers ("),
        ([[]], "Expected finite numbers of shape"),
        ([[[1e300, 0, 0]] * 5], "Expected finite numbers of shape"),
        ([[[True, False, True]] * 5], "Expected nested numbers."),
    ],
)
def test_inputs_that_are_none(client: Start, inputs: Any, reason: str) -> None:
    status, (field, found) = post(client("arrays"), inputs=inputs)
    assert (status, field) == (422, "inputs[0]")
    assert found.startswith(reason)


def test_ids_that_the_model_does_not_have(client: Start, served: Callable[[str], Served]) -> None:
    server = client("last")
    assert "prediction" in post(server, inputs=[[2, 3], [4]])[0]
    assert post(server, inputs=[[2, 3], [4, 10**6]]) == [422, ("inputs[1]", "Expected ids from 0 to 12.")]
    assert post(server, inputs=[[2, 1.5]]) == [422, ("inputs[0]", "Expected nested whole numbers.")]
    most = served("last").about["inputs"][0]["longest"]
    assert post(server, inputs=[[2] * (most + 1)]) == [
        422,
        ("inputs[0]", f"Expected 1 to {most} steps, got {most + 1}."),
    ]


def test_what_nested_lists_hold() -> None:
    assert leaf_types([[1, 2.5], [3, 4]]) == {int, float}
    assert leaf_types([[1, "a"], [2]]) == {int, str}
    assert leaf_types([[1], 2]) == {list, int}
    assert leaf_types([[], []]) == set()


def test_rows_of_arrays_are_numbers_too(client: Start) -> None:
    assert post(client("arrays"), rows=[[["1.0", 2, 3]] * 5]) == [422, ("rows[0]", "Expected nested numbers.")]


def test_images_of_a_request_together_are_bounded(client: Start) -> None:
    stream = io.BytesIO()
    Image.new("L", (1100, 1000)).save(stream, "PNG")
    row = base64.b64encode(stream.getvalue()).decode()
    status, (field, reason) = post(client("images", mib=1), rows=[row, row])  # 2 pixels for each byte
    assert (status, field) == (422, "rows[1]")
    assert reason.startswith("The image is 1100x1000 pixels; expected at most 2,097,152 pixels in all images together.")
