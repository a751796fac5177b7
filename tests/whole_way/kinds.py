"""The kinds of data that go the whole way: what is trained, what it predicts, and what it refuses."""

from __future__ import annotations

import base64
import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.browser import Page
from tests.runs.export.conftest import RUNS

PROMPT, LENGTH = "good bad", 12
SHOWN = 1
"""The place of the row that is typed into the page: in the table, a row that misses no cell."""
_NOTHING_TO_PREDICT = "This model generates samples and predicts nothing"


@dataclass(frozen=True)
class Kind:
    """A kind of data.

    words: of the training. given: what is predicted, below the data's folder. classes: whether it has probabilities.
    unexplained, unserved: the words with which that is refused, of the run and of its exported file.
    """

    words: str
    given: str = ""
    classes: bool = True
    unexplained: str | None = None
    unserved: str | None = None


KINDS: Mapping[str, Kind] = {
    "images": Kind(
        "dataset=image_folder dataset.path={data}/images model=cnn model.channels=[4] dataset.pad=1", "images/cat"
    ),
    "drawn images": Kind("dataset=digits dataset.limit=80 model=linear", "drawn"),
    "numbers": Kind("dataset=iris model=mlp model.hidden=[4]", "flowers.csv"),
    "table": Kind(RUNS["mixed"], "table.csv"),
    "several targets": Kind(RUNS["several"], "table.csv"),
    "arrays": Kind(RUNS["arrays"], "x.npy"),
    "texts": Kind(RUNS["text"], "texts.csv"),
    "language": Kind(
        RUNS["language_rnn"],
        classes=False,
        unexplained="A language model predicts every next token; there is no single prediction to explain.",
    ),
    "series": Kind(RUNS["forecast"], "series.csv", classes=False),
    "audio": Kind(
        "dataset=audio_folder dataset.path={data}/sounds dataset.sample_rate=8000 dataset.seconds=0.3 dataset.mels=16 "
        "model=rnn model.hidden=4",
        "sounds/cat",
    ),
    "ratings": Kind(
        RUNS["ratings"],
        "ratings.csv",
        classes=False,
        unexplained="A recommender knows of a user and an item only who they are; there are no columns",
    ),
    "GAN": Kind(
        RUNS["gan"],
        "table.csv",
        classes=False,
        unexplained="This model generates samples from noise and predicts nothing that could be explained.",
        unserved=f"{_NOTHING_TO_PREDICT}, so there is nothing to serve.",
    ),
}


def write_more(data: Path) -> None:
    """Write the files that `tests.runs.export.conftest` does not have."""
    rows = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5], [5.9, 3.0, 4.2, 1.5]]
    head = "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm"
    lines = [head, *(",".join(map(str, row)) for row in rows)]
    (data / "flowers.csv").write_text("\n".join(lines) + "\n")
    (data / "drawn").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(data / "drawn" / f"{number}.png")


def predict_words(name: str, data: Path) -> list[str]:
    """Return what `dlrun predict` is given after the folder."""
    kind = KINDS[name]
    if name == "language":
        return ["--prompt", PROMPT, "--length", str(LENGTH), "--temperature", "0"]
    return [str(data / kind.given), "--json", *(["--probabilities"] if kind.classes else [])]


def body(name: str, data: Path) -> dict[str, Any]:
    """Return the request for the same rows."""
    given = data / KINDS[name].given
    if name == "language":
        return {"rows": [PROMPT], "length": LENGTH, "temperature": 0}
    probabilities = {"probabilities": KINDS[name].classes}
    if name == "arrays":
        return {"inputs": np.load(given).tolist(), **probabilities}
    if given.is_dir():
        key = "audio" if name == "audio" else "image"
        return {"rows": [{key: as_base64(path)} for path in sorted(given.iterdir())], **probabilities}
    rows = [{column: _value(name, column, cell, data) for column, cell in row.items()} for row in cells(given)]
    return {"rows": [{"points": rows}] if name == "series" else rows, **probabilities}


def cells(table: Path) -> list[dict[str, str]]:
    """Return the rows of a table, as they are written."""
    with table.open(newline="") as stream:
        return list(csv.DictReader(stream))


def as_base64(path: Path) -> str:
    """Return the content of a file, as JSON can have it."""
    return base64.b64encode(path.read_bytes()).decode()


def _value(name: str, column: str, cell: str, data: Path) -> Any:
    """The cell as a value of JSON: null, a number, a text or, of the table alone, an image."""
    if cell == "":
        return None
    if name == "table" and column == "pic":
        return as_base64(data / cell)
    return float(cell) if re.fullmatch(r"-?[0-9.]+", cell) else cell


def fill_in(page: Page, name: str, data: Path) -> None:
    """Fill in the page of a server with the row at `SHOWN`, or with the prompt."""
    given = data / KINDS[name].given
    if name == "language":
        page.type("[data-column=text]", PROMPT)
        page.type("label:nth-of-type(1) > input[type=number]", str(LENGTH))
        page.type("label:nth-of-type(2) > input[type=number]", "0")
    elif given.is_dir():
        page.choose_file("#file", sorted(given.iterdir())[SHOWN])
    elif name == "arrays":
        page.type("#numbers", json.dumps(np.load(given)[SHOWN].tolist()))
    elif name == "series":
        page.type("#points", given.read_text())
    else:
        row = cells(given)[SHOWN]
        for column in page.evaluate('[...document.querySelectorAll("[data-column]")].map(e => e.dataset.column)'):
            _fill(page, f"[data-column={column}]", row[column], data)


def _fill(page: Page, selector: str, cell: str, data: Path) -> None:
    kind = page.evaluate(f"document.querySelector({json.dumps(selector)}).type")
    if kind == "file":
        page.choose_file(selector, data / cell)
    elif kind == "select-one":
        page.choose(selector, cell)
    else:
        page.type(selector, cell)
