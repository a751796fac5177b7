"""dataset=table with columns of texts and images: learned from, killed, resumed and predicted, and what is wrong."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.tables import blocks
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.source import table_source
from dlrun.errors import ConfigError, DataError
from tests.kill_and_resume import kill_and_resume, predictions

Dlrun = Callable[..., tuple[int, str, str]]
ALL = DatasetSettings(val_fraction=0, test_fraction=0)
GOOD, BAD = ("great", "lovely", "excellent"), ("awful", "broken", "poor")
OTHERS = ("the", "a", "this", "it", "was", "we", "had", "colour", "size", "day", "week", "shop", "price", "blue", "red")
BOTH = {"review": "text", "photo": "image"}


def write_table(folder: Path, *, rows: int, name: str = "mine.csv") -> None:
    """Write reviews that say good or bad in a word, photos of a square or a cross, and numbers that say nothing."""
    draw, pixels = random.Random(0), np.random.default_rng(0)
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["price", "town", "review", "photo", "liked", "shape"])
        for row in range(rows):
            liked, is_square = draw.random() < 0.5, draw.random() < 0.5
            words = draw.choices(OTHERS, k=draw.randint(4, 20))
            words.insert(draw.randrange(len(words)), draw.choice(GOOD if liked else BAD))
            image = pixels.integers(0, 90, (24, 24, 3), dtype=np.uint8)
            top, left = pixels.integers(2, 12, 2)
            if is_square:
                image[top : top + 5, left : left + 4] += 150
            else:
                image[top + 4 : top + 5, left : left + 10] += 150
                image[top : top + 10, left + 4 : left + 5] += 150
            Image.fromarray(image).save(folder / "photos" / f"{row}.png")
            text = f"{' '.join(words).capitalize()}. Order {row}"
            numbers = [f"{draw.uniform(1, 50):.2f}", draw.choice(["Rome", "Oslo"])]
            answers = ["yes" if liked else "no", "square" if is_square else "cross"]
            out.writerow([*numbers, text, f"photos/{row}.png", *answers])


def data(settings: DatasetSettings = ALL, *, target: str = "liked", **fields: object) -> DataBundle:
    asked = TableSettings("table", **{"path": "mine.csv", "target": target, "columns": BOTH, **fields})  # type: ignore[arg-type]
    return prepare("table", table_source(asked), settings)


@pytest.mark.parametrize(("column", "target"), [("review: text", "liked"), ("photo: image", "shape")])
def test_a_column_that_decides_is_learned_and_predicted_from(column: str, target: str, dlrun: Dlrun) -> None:
    write_table(Path("here"), rows=300)
    other = "liked" if target == "shape" else "shape"
    columns = f"dataset.columns={{{column}, {other}: ignore}}"
    words = ["dataset=table", "dataset.path=here/mine.csv", f"dataset.target={target}", "model=mlp", columns]
    words += ["trainer.epochs=15", "device=cpu", "device.threads=1", "-q"]
    assert dlrun(*words, "hydra.run.dir=with")[0] == 0
    assert (
        dlrun(*(word.replace(column, f"{column.split(':')[0]}: ignore") for word in words), "hydra.run.dir=without")[0]
        == 0
    )
    reached = {
        run: json.loads(Path(run, "result.json").read_text())["metrics"]["test/accuracy"] for run in ("with", "without")
    }
    assert reached["with"] > 0.95
    assert reached["without"] < 0.7
    shutil.move("here", "there")  # new rows have their images beside them
    rows = list(csv.DictReader(Path("there/mine.csv").read_text().splitlines()))
    new = [{name: value for name, value in row.items() if name not in ("liked", "shape")} for row in rows]
    Path("there/new.jsonl").write_text("\n".join(map(json.dumps, new)))
    code, out, err = dlrun("predict", "with", "there/new.jsonl")
    assert (code, err) == (0, "")
    found = [line["prediction"] for line in csv.DictReader(out.splitlines())]
    right = sum(answer == row[target] for answer, row in zip(found, rows, strict=True))
    assert right > 0.95 * len(rows)


def test_texts_and_images_are_trained_killed_resumed_and_predicted_elsewhere(tmp_path: Path) -> None:
    write_table(tmp_path / "here", rows=60)
    words = ["dataset=table", "dataset.path=mine.csv", "dataset.target=liked", "dataset.categories=embed", "model=mlp"]
    words += ["dataset.columns={review: text, photo: image}", "dataset.image_size=16", "trainer.epochs=3"]
    kill_and_resume([*words, "trainer.batch_size=16"], folder=tmp_path / "here")
    (tmp_path / "elsewhere").mkdir()
    Image.new("L", (99, 50), 7).save(tmp_path / "elsewhere" / "one.bmp")
    new = "photo,review,price,town,shape\none.bmp,Great! Never seen.,5,Rome,square\n,,,,\n"
    (tmp_path / "elsewhere" / "new.csv").write_text(new)
    found = predictions(tmp_path / "here/killed", "new.csv", "--probabilities", folder=tmp_path / "elsewhere")
    assert [set(row) for row in found] == [{"prediction", "probability_no", "probability_yes"}] * 2
    (tmp_path / "elsewhere" / "new.tsv").write_text(new.replace(",", "\t"))
    assert predictions(tmp_path / "here/killed", "new.tsv", "--probabilities", folder=tmp_path / "elsewhere") == found


def test_blocks_come_last_and_only_numbers_are_standardised() -> None:
    write_table(Path(), rows=20)
    bundle = data(embed=True, max_length=6, image_size=8)
    review, photo = bundle.spec.blocks
    assert (review.name, review.kind, review.start, review.shape) == ("review", "text", 3, (6,))
    assert (photo.name, photo.kind, photo.start, photo.shape) == ("photo", "image", 9, (3, 8, 8))
    assert bundle.spec.shape == (9 + 192,)
    assert bundle.spec.categories == (3, 3)  # of town and shape
    inputs = bundle.train.fetch(slice(None)).inputs
    assert inputs[:, 0].mean().item() == pytest.approx(0, abs=1e-5)
    assert inputs[:, 3:9].min() >= 0
    assert torch.equal(inputs[:, 1:9], inputs[:, 1:9].round())
    assert inputs[:, 9:].abs().max() <= 1
    assert len(inputs[:, 9:].unique()) > 100
    assert {"columns: 1 text: review", "columns: 1 image: photo"} <= set(bundle.notices)


def test_missing_texts_and_images_are_nothing_and_a_flag() -> None:
    write_table(Path(), rows=20)
    lines = Path("mine.csv").read_text().splitlines()
    lines[1] = "1,Rome,,,no,square"
    Path("mine.csv").write_text("\n".join(lines))
    bundle = data(image_size=8)
    inputs = bundle.train.fetch(slice(None)).inputs  # price, "review was missing", "photo was missing", categories
    assert inputs[:, 1:3].tolist() == [[1, 1]] + [[0, 0]] * 19
    assert not inputs[0, bundle.spec.num_plain :].any()
    what = "categories one of their own, texts and images nothing and a flag"
    assert f"missing values: review 1, photo 1; numbers become the training median and a flag, {what}" in bundle.notices
    assert len(data(missing="drop").train) == 19
    with pytest.raises(DataError, match=r'line 2, column "review": the value is missing; to fill missing values'):
        data(missing="error")


def test_other_files_have_images_of_their_own() -> None:
    write_table(Path(), rows=20)
    write_table(Path("tests"), rows=2, name="test.csv")
    for row, colour in enumerate(("black", "white")):
        Image.new("RGB", (9, 9), colour).save(f"tests/photos/{row}.png")
    bundle = data(test="tests/test.csv", image_size=8)
    assert bundle.test is not None
    pixels = bundle.test.fetch(slice(None)).inputs[:, -192:]
    assert [sorted(set(row)) for row in pixels.tolist()] == [[-1], [1]]


def test_only_images_of_rows_within_the_limit_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(Path(), rows=20)
    decoded: list[list[str]] = []
    load = blocks.ImageBlock.load

    def noted(block: blocks.ImageBlock, words: Sequence[str]) -> None:
        decoded.append(list(words))
        load(block, words)

    monkeypatch.setattr(blocks.ImageBlock, "load", noted)
    data(DatasetSettings(limit=6))
    assert len(decoded[0]) == 6


def test_a_rate_that_diverges_is_not_looked_for_where_encoders_learn(dlrun: Dlrun) -> None:
    write_table(Path(), rows=20)
    words = ["dataset=table", "dataset.path=mine.csv", "dataset.target=price", "dataset.columns={review: text}"]
    words += ["model=linear", "optimizer=sgd", "optimizer.lr=0.01", "trainer.batch_size=100", "trainer.accumulate=1"]
    assert dlrun("check", *words)[0] == 0


def test_a_bad_image_is_reported_with_line_and_column_or_its_row_skipped() -> None:
    write_table(Path(), rows=20)
    Path("photos/3.png").unlink()
    Path("photos/7.png").write_text("no image")
    with pytest.raises(
        DataError,
        match=r'mine\.csv: line 5, column "photo": there is no image "photos/3\.png" in the folder of the table\. '
        r"Fix the row, or skip bad rows with dataset\.on_bad_row=skip\.",
    ):
        data()
    bundle = data(skip_bad_rows=True)
    assert len(bundle.train) == 18
    assert bundle.skipped == {
        "train": {
            "rows": 2,
            "first": [
                'line 5, column "photo": there is no image "photos/3.png" in the folder of the table',
                'line 9, column "photo": the image "photos/7.png" is not an image; expected PNG, JPEG, BMP, WebP or '
                "GIF",
            ],
        }
    }
    assert bundle.encoder is not None
    with pytest.raises(DataError, match=r'line 5, column "photo": there is no image "photos/3\.png" .*table\.$'):
        bundle.encoder.encode(Path("mine.csv"))


def test_the_fingerprint_covers_images_and_the_fields_of_texts_and_images() -> None:
    write_table(Path(), rows=20)
    before = data().fingerprint
    assert data().fingerprint == before
    assert data(image_size=16).fingerprint != before
    assert data(max_length=16).fingerprint != before
    assert data(columns={}, image_size=16).fingerprint == data(columns={}).fingerprint  # as of old runs
    Image.new("RGB", (24, 24), "red").save("photos/0.png")
    assert data().fingerprint != before


def test_a_table_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(Path(), rows=20)
    monkeypatch.setattr(blocks, "own_memory", lambda: 100_000)
    with pytest.raises(
        DataError, match=r'20 rows of .* the 32x32 image "photo"\) need 0\.0 GiB of memory; 0\.0 GiB are'
    ):
        data()
    monkeypatch.setattr(blocks, "own_memory", lambda: 79)  # a feature of 20 rows takes 80 bytes
    with pytest.raises(DataError, match=r"20 rows of \d features \(one for each number and each category\) need"):
        data(columns={"photo": "ignore", "review": "ignore"})


def test_neither_texts_nor_images_are_targets() -> None:
    write_table(Path(), rows=20)
    for target, kind in BOTH.items():
        what = (
            rf"dataset\.columns\.{target}\n +The target is a number or classes, not {kind}; expected number or category"
        )
        with pytest.raises(ConfigError, match=what):
            data(target=target)


def test_only_models_with_encoders_take_such_rows(dlrun: Dlrun) -> None:
    write_table(Path(), rows=20)
    with pytest.raises(ConfigError, match=r"dataset\.columns\.photo"):
        data(columns={"photo": "picture"})
    words = ["dataset=table", "dataset.path=mine.csv", "dataset.target=liked", "dataset.columns={review: text}"]
    for model in ("cnn", "resnet", "rnn", "transformer", "gan", "factorization"):
        code, _, err = dlrun("check", *words, f"model={model}")
        assert (code, "problem in the configuration" in err) == (2, True), (model, err)
