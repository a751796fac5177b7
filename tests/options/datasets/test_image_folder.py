"""`dataset=image_folder`: images of any kind to rows, notices, bad files, and a run's whole life."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dlrun.data.media.images import probe_image
from dlrun.data.source import Source
from dlrun.errors import DataError
from dlrun.options.datasets import image_folder as module
from dlrun.options.datasets.image_folder import image_folder
from tests.data.media.samples import jpeg, make_images, png_of
from tests.kill_and_resume import kill_and_resume, predictions, restored

Dlrun = Callable[..., tuple[int, str, str]]


def read(path: Path | str, **fields: Any) -> Source:
    given = {"val": None, "test": None, "target": "label", "size": "auto", "fit": "crop", "channels": "auto"}
    return image_folder(
        path=str(path), **{**given, "task": "classification", "in_memory": "auto", "on_bad_row": "stop", **fields}
    )


def inputs(source: Source) -> torch.Tensor:
    assert isinstance(source.train.inputs, torch.Tensor)
    return source.train.inputs


def refused(path: Path | str, **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **fields)
    return str(caught.value)


def test_a_folder_a_class_is_read_in_order_of_names(tmp_path: Path) -> None:
    source = read(make_images(tmp_path / "data", classes=("owl", "cat", "dog"), each=2))
    assert source.class_names == ["cat", "dog", "owl"]
    assert source.train.targets.tolist() == [0, 0, 1, 1, 2, 2]
    assert inputs(source).shape == (6, 3, 8, 8)
    expected = torch.from_numpy(np.array(Image.open(tmp_path / "data/cat/00.png"))).permute(2, 0, 1)
    assert torch.equal(inputs(source)[0], expected)
    assert "3 classes: cat 2, dog 2, owl 2." in source.notices


def test_a_csv_names_files_and_classes(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "data", classes=("a", "b"), each=2)
    (folder / "list.csv").write_text("\ufeffkind,path\nred,a/01.png\nblue,b/00.png\n\nred,a/00.png\n")
    source = read(folder / "list.csv", target="kind")
    assert source.class_names == ["blue", "red"]
    assert source.train.targets.tolist() == [1, 0, 1]


def test_splits_of_ones_own_are_read_as_they_are(tmp_path: Path) -> None:
    make_images(tmp_path / "data/train", each=3)
    make_images(tmp_path / "data/valid", each=2)
    make_images(tmp_path / "elsewhere", each=1, classes=("cat",))
    source = read(tmp_path / "data", test=str(tmp_path / "elsewhere"))
    assert len(source.train.targets) == 9
    assert source.val is not None
    assert len(source.val.targets) == 6
    assert source.test is not None
    assert source.test.targets.tolist() == [0]


def test_grey_images_have_one_channel_and_mixed_ones_three(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.new("L", (8, 8), 7).save(tmp_path / "data" / name / "x.png")
    assert inputs(read(tmp_path / "data")).shape == (2, 1, 8, 8)
    Image.new("RGB", (8, 8)).save(tmp_path / "data/a/y.bmp")
    assert inputs(read(tmp_path / "data")).shape == (3, 3, 8, 8)
    assert inputs(read(tmp_path / "data", channels=1)).shape == (3, 1, 8, 8)


def test_the_size_is_that_of_most_images_else_64(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "data", each=2, side=10)
    Image.new("RGB", (30, 20)).save(folder / "cat" / "other.gif")
    source = read(folder)
    assert inputs(source).shape == (7, 3, 10, 10)
    assert "Resized 1 image of other sizes to 10x10, cropped (dataset.size, dataset.fit)." in source.notices
    assert inputs(read(make_images(tmp_path / "large", each=1, side=200))).shape == (3, 3, 64, 64)
    assert inputs(read(folder, size=5)).shape == (7, 3, 5, 5)


def test_imbalance_is_shown(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "data", classes=("many",), each=6)
    notices = read(make_images(folder, classes=("few",), each=1)).notices
    assert "2 classes: many 6, few 1." in notices
    assert any(notice.startswith("The classes are imbalanced, 6 to 1") for notice in notices)
    assert "Classes with a single row have no held-out row: few." in notices


def test_files_with_other_endings_are_ignored_with_a_notice(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "data")
    (folder / "cat" / "notes.txt").write_text("x")
    (folder / "cat" / ".DS_Store").write_text("x")
    notices = read(folder).notices
    assert f"Ignored 1 file with other endings, for example {folder}/cat/notes.txt." in notices


BAD = {
    "cut off": (jpeg()[:-600], "is damaged or cut off (image file is truncated"),
    "empty": (b"", "is empty, 0 bytes."),
    "large": (png_of(9000, 9000), "is too large to decode: 9000x9000 pixels; expected at most 64,000,000 pixels."),
    "many pixels": (png_of(12000, 10000), "is too large to decode: Image size (120000000 pixels) exceeds limit"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_image_stops_the_run_before_training_or_is_skipped(bad: str, tmp_path: Path) -> None:
    content, message = BAD[bad]
    folder = make_images(tmp_path / "data", side=16)
    (folder / "cat" / "bad.jpg").write_bytes(content)
    said = refused(folder, in_memory=False)
    assert said.startswith(f"{folder}/cat/bad.jpg: {message}")
    assert said.endswith(" Mend or remove it, or skip bad files with dataset.on_bad_row=skip.")
    source = read(folder, on_bad_row="skip")
    assert len(source.train.targets) == 12
    assert len(source.skipped) == 1
    assert source.skipped[0].startswith(f"{folder}/cat/bad.jpg: {message}")
    assert any(notice.startswith("1 bad row skipped (dataset.on_bad_row=skip):\n  ") for notice in source.notices)


def test_damage_that_only_decoding_shows_is_found_when_the_image_is_reached(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "data", side=16)
    content = bytearray(png_of(100, 100))  # too few rows for its head
    (folder / "cat" / "bad.png").write_bytes(bytes(content))
    assert refused(folder, in_memory=True).startswith(f"{folder}/cat/bad.png: is damaged or cut off (")
    assert len(read(folder, in_memory=False).train) == 13
    assert len(read(folder, in_memory=False, on_bad_row="skip").train) == 12


def test_files_and_classes_that_cannot_be_learnt_from_are_errors(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "data", classes=("cat",), each=2)
    what = "every training file has the class cat, as this one; expected two or more classes."
    assert refused(folder) == f"{folder}/cat/00.png: {what}"
    (folder / "list.csv").write_text("path,label\ncat/00.png,x\ncat/99.png,y\n")
    assert refused(folder / "list.csv").startswith(
        f"{folder}/list.csv, line 3: {folder}/cat/99.png: cannot be read (No such file or directory)."
    )


def test_files_that_do_not_change_are_probed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))
    folder = make_images(tmp_path / "data")
    for path in folder.rglob("*.png"):
        os.utime(path, (1_600_000_000, 1_600_000_000))  # not changed a moment ago
    first = read(folder, in_memory=False).fingerprint
    probed: list[bytes] = []
    monkeypatch.setattr(module, "probe_image", lambda content: probed.append(content) or probe_image(content))
    assert read(folder, in_memory=False).fingerprint == first
    assert probed == []
    Image.new("RGB", (8, 8)).save(folder / "cat/00.png")
    assert read(folder, in_memory=False).fingerprint != first
    assert probed == [(folder / "cat/00.png").read_bytes()]


def test_when_every_image_is_bad_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "x.png").write_bytes(b"no")
    assert refused(tmp_path / "data", on_bad_row="skip") == "No image of the train files can be used; all were skipped."


def test_the_fingerprint_is_that_of_the_files_and_how_they_are_read(tmp_path: Path) -> None:
    make_images(tmp_path / "one")
    make_images(tmp_path / "two")
    assert read(tmp_path / "one").fingerprint == read(tmp_path / "two", in_memory=False).fingerprint
    assert read(tmp_path / "one").fingerprint != read(tmp_path / "one", size=4).fingerprint


def test_bad_data_ends_the_command_with_3_and_words(tmp_path: Path, dlrun: Dlrun) -> None:
    folder = make_images(tmp_path / "data")
    (folder / "cat" / "bad.png").write_bytes(b"no")
    words = ("dataset=image_folder", f"dataset.path={folder}", "model=linear", "trainer.epochs=1", "device.threads=1")
    code, _, err = dlrun(*words, "hydra.run.dir=run", "--quiet")
    assert code == 3
    assert f"{folder}/cat/bad.png: is not an image" in err
    assert "Traceback" not in err
    code, _, err = dlrun(*words, "hydra.run.dir=skipped", "dataset.on_bad_row=skip", "--quiet")
    assert code == 0, err
    assert "bad.png: is not an image" in Path("skipped/dlrun.log").read_text()
    (skipped,) = json.loads(Path("skipped/result.json").read_text())["dataset"]["skipped"]
    assert skipped.startswith(f"{folder}/cat/bad.png: is not an image")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_is_killed_resumed_evaluated_and_predicts_new_images(workers: int, tmp_path: Path) -> None:
    folder = make_images(tmp_path / "data", each=20)
    words = ("dataset=image_folder", f"dataset.path={folder}", "dataset.in_memory=false", "dataset.augment.flip=true")
    words += ("model=linear", "trainer.batch_size=4", "optimizer.lr=0.01", "trainer.epochs=8")
    killed, metrics = kill_and_resume(words, folder=tmp_path, workers=workers)
    assert metrics["test/accuracy"] > 0.5
    _, reads = restored(killed)
    new = make_images(tmp_path / "new", each=1, side=20)
    encoded = reads.encode(new)
    assert encoded.inputs.shape == (3, 3, 8, 8)
    assert encoded.columns == {"path": [f"{new}/{name}/00.png" for name in ("cat", "dog", "owl")]}
    same = reads.encode(folder / "cat/00.png")
    assert torch.equal(same.inputs, inputs(read(folder))[:1])
    rows = predictions(killed, new, folder=tmp_path)
    assert [row["path"] for row in rows] == encoded.columns["path"]
    assert {row["prediction"] for row in rows} <= {"cat", "dog", "owl"}


def rated(folder: Path, labels: list[str]) -> Path:
    """Write images that are the lighter the higher their label, and the list of them."""
    folder.mkdir()
    for number, label in enumerate(labels):
        level = int(float(label) * 200) if label.replace(".", "").isdigit() else 0
        Image.new("RGB", (8, 8), (level, level, level)).save(folder / f"{number}.png")
    rows = "".join(f"{number}.png,{label}\n" for number, label in enumerate(labels))
    (folder / "list.csv").write_text(f"path,label\n{rows}")
    return folder / "list.csv"


def test_labels_may_be_numbers_to_predict(tmp_path: Path, dlrun: Dlrun) -> None:
    path = rated(tmp_path / "data", [f"{(i * 7 % 50) / 50}" for i in range(50)])
    source = read(path, task="regression")
    assert (source.goal, source.train.targets.dtype, source.class_names) == ("regression", torch.float32, ())
    assert source.train.targets[:3].tolist() == [[0.0], [pytest.approx(0.14)], [pytest.approx(0.28)]]
    assert any("Numbers to predict from 0 to 0.98, mean 0.49" in notice for notice in source.notices)
    assert source.fingerprint != read(path).fingerprint
    words = ("dataset=image_folder", f"dataset.path={path}", "dataset.task=regression", "model=linear",
             "optimizer.lr=0.01", "trainer.epochs=60", "device.threads=1", "--quiet")  # fmt: skip
    code, _, err = dlrun(*words, "hydra.run.dir=run")
    assert code == 0, err
    assert json.loads(Path("run/result.json").read_text())["metrics"]["test/r2"] > 0.9
    (found,) = predictions(Path("run"), tmp_path / "data" / "25.png", folder=tmp_path)
    assert abs(float(found["prediction"]) - 0.5) < 0.15


def test_labels_that_are_no_numbers_have_their_line_in_the_error(tmp_path: Path) -> None:
    path = rated(tmp_path / "data", ["0.5", "much", "0.7", "nan", "0.9"])
    said = refused(path, task="regression")
    assert "list.csv, line 3: " in said
    assert '1.png: column "label": expected a finite number, got "much".' in said
    source = read(path, task="regression", on_bad_row="skip")
    assert source.train.targets.tolist() == [[0.5], [pytest.approx(0.7)], [pytest.approx(0.9)]]
    assert len(source.skipped) == 2
    same = rated(tmp_path / "same", ["1", "1.0", "1"])
    assert "The target is 1 in every training row; there is nothing to learn." in refused(same, task="regression")
