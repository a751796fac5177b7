"""`dataset=image_folder`: pictures of any kind to rows, and what is said of files that are none."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dlrun.data.media import images as pictures
from dlrun.data.source import Source
from dlrun.errors import DataError
from dlrun.options.datasets.image_folder import encoder, image_folder
from tests.options.datasets.survival import killed_and_gone_on_with, predicted, restored

Dlrun = Callable[..., tuple[int, str, str]]


def make(folder: Path, *, classes: tuple[str, ...] = ("cat", "dog", "owl"), each: int = 4, side: int = 8) -> Path:
    """A folder of pictures; class c's are mostly of colour c."""
    draws = np.random.default_rng(1)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(each):
            pixels = draws.integers(0, 90, (side, side, 3), dtype=np.uint8)
            pixels[..., number % 3] += 120
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")
    return folder


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
    source = read(make(tmp_path / "data", classes=("owl", "cat", "dog"), each=2))
    assert source.class_names == ["cat", "dog", "owl"]
    assert source.train.targets.tolist() == [0, 0, 1, 1, 2, 2]
    assert inputs(source).shape == (6, 3, 8, 8)
    expected = torch.from_numpy(np.array(Image.open(tmp_path / "data/cat/00.png"))).permute(2, 0, 1)
    assert torch.equal(inputs(source)[0], expected)
    assert "3 classes: cat 2, dog 2, owl 2." in source.notices


def test_a_csv_names_files_and_classes(tmp_path: Path) -> None:
    folder = make(tmp_path / "data", classes=("a", "b"), each=2)
    (folder / "list.csv").write_text("\ufeffkind,path\nred,a/01.png\nblue,b/00.png\n\nred,a/00.png\n")
    source = read(folder / "list.csv", target="kind")
    assert source.class_names == ["blue", "red"]
    assert source.train.targets.tolist() == [1, 0, 1]


def test_splits_of_ones_own_are_read_as_they_are(tmp_path: Path) -> None:
    make(tmp_path / "data/train", each=3)
    make(tmp_path / "data/valid", each=2)
    make(tmp_path / "elsewhere", each=1, classes=("cat",))
    source = read(tmp_path / "data", test=str(tmp_path / "elsewhere"))
    assert len(source.train.targets) == 9
    assert source.val is not None
    assert len(source.val.targets) == 6
    assert source.test is not None
    assert source.test.targets.tolist() == [0]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_every_mode_become_bytes(mode: str, channels: int) -> None:
    white = Image.new("L", (6, 4), 255)
    image = Image.fromarray(np.full((4, 6), 65535, dtype=np.uint16)) if mode == "I;16" else white.convert(mode)
    stream = io.BytesIO()
    image.save(stream, "JPEG" if mode == "CMYK" else "PNG", quality=100)
    decoded = pictures.decode(stream.getvalue(), size=(4, 6), fit="crop", channels=channels)
    assert decoded.shape == (channels, 4, 6)
    assert decoded.min() >= 254


def test_what_is_see_through_lies_on_white() -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(stream, "PNG")
    assert pictures.decode(stream.getvalue(), size=(2, 2), fit="crop", channels=3).min() == 255


def test_a_photograph_is_turned_as_its_exif_says() -> None:
    pixels = np.zeros((8, 16), dtype=np.uint8)
    pixels[:, :8] = 255  # the left half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: left comes to the top
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", exif=exif, quality=95)
    assert pictures.look(Path("x"), stream.getvalue()) == {"width": 8, "height": 16, "grey": True}
    decoded = pictures.decode(stream.getvalue(), size=(16, 8), fit="crop", channels=1)
    assert decoded[0, :7].min() > 240
    assert decoded[0, 9:].max() < 15


@pytest.mark.parametrize(("fit", "top", "left"), [("crop", 200, 200), ("pad", 0, 200), ("stretch", 176, 37)])
def test_a_wide_picture_is_cropped_padded_or_stretched(fit: str, top: int, left: int) -> None:
    pixels = np.full((4, 8), 200, dtype=np.uint8)
    pixels[:, :2] = pixels[:, 6:] = 10  # bright in the middle, dark at both sides
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    decoded = pictures.decode(stream.getvalue(), size=(4, 4), fit=fit, channels=1)[0]
    assert decoded[0, 2] == top
    if fit != "pad":
        assert decoded[2, 0] == left


def test_grey_pictures_have_one_channel_and_mixed_ones_three(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.new("L", (8, 8), 7).save(tmp_path / "data" / name / "x.png")
    assert inputs(read(tmp_path / "data")).shape == (2, 1, 8, 8)
    Image.new("RGB", (8, 8)).save(tmp_path / "data/a/y.bmp")
    assert inputs(read(tmp_path / "data")).shape == (3, 3, 8, 8)
    assert inputs(read(tmp_path / "data", channels=1)).shape == (3, 1, 8, 8)


def test_the_size_is_that_of_most_pictures_else_64(tmp_path: Path) -> None:
    folder = make(tmp_path / "data", each=2, side=10)
    Image.new("RGB", (30, 20)).save(folder / "cat" / "other.gif")
    source = read(folder)
    assert inputs(source).shape == (7, 3, 10, 10)
    assert "1 pictures of other sizes are brought to 10x10 and cropped (dataset.size, dataset.fit)." in source.notices
    assert inputs(read(make(tmp_path / "large", each=1, side=200))).shape == (3, 3, 64, 64)
    assert inputs(read(folder, size=5)).shape == (7, 3, 5, 5)


def test_imbalance_is_shown(tmp_path: Path) -> None:
    folder = make(tmp_path / "data", classes=("many",), each=6)
    notices = read(make(folder, classes=("few",), each=1)).notices
    assert "2 classes: many 6, few 1." in notices
    assert any(notice.startswith("The classes are imbalanced, 6 to 1") for notice in notices)
    assert "A single row cannot be held out of a class: few." in notices


def test_files_that_are_no_pictures_by_name_are_told(tmp_path: Path) -> None:
    folder = make(tmp_path / "data")
    (folder / "cat" / "notes.txt").write_text("x")
    (folder / "cat" / ".DS_Store").write_text("x")
    notices = read(folder).notices
    assert f"1 files are no pictures by their names and were not read, {folder}/cat/notes.txt say." in notices


def png_of(width: int, height: int) -> bytes:
    """A small PNG whose head promises many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(side: int = 64) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


BAD = {
    "cut off": (jpeg()[:-600], "is damaged or cut off (image file is truncated"),
    "empty": (b"", "is empty, 0 bytes."),
    "a text": (b"hello", "is not a picture; expected PNG, JPEG, BMP, WebP or GIF."),
    "large": (png_of(9000, 9000), "unpacks to 9000x9000 pixels; expected at most 64,000,000 pixels."),
    "gigabytes": (png_of(60000, 60000), "unpacks to too much: Image size (3600000000 pixels) exceeds limit"),
    "many pixels": (png_of(12000, 10000), "unpacks to too much: Image size (120000000 pixels) exceeds limit"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_picture_stops_the_run_before_training_or_is_left_out(bad: str, tmp_path: Path) -> None:
    content, message = BAD[bad]
    folder = make(tmp_path / "data", side=16)
    (folder / "cat" / "bad.jpg").write_bytes(content)
    said = refused(folder, in_memory=False)
    assert said.startswith(f"{folder}/cat/bad.jpg: {message}")
    assert said.endswith("dataset.on_bad_row=skip leaves such rows out.")
    source = read(folder, on_bad_row="skip")
    assert len(source.train.targets) == 12
    assert len(source.skipped) == 1
    assert source.skipped[0].startswith(f"{folder}/cat/bad.jpg: {message}")
    assert any("1 row was left out (dataset.on_bad_row=skip):" in notice for notice in source.notices)


def test_damage_that_only_unpacking_shows_is_told_when_it_is_reached(tmp_path: Path) -> None:
    folder = make(tmp_path / "data", side=16)
    content = bytearray(png_of(100, 100))  # too few rows for its head
    (folder / "cat" / "bad.png").write_bytes(bytes(content))
    assert refused(folder, in_memory=True).startswith(f"{folder}/cat/bad.png: is damaged or cut off (")
    assert len(read(folder, in_memory=False).train) == 13
    assert len(read(folder, in_memory=False, on_bad_row="skip").train) == 12


def test_a_path_or_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "other")
    folder = make(tmp_path / "data")
    (folder / "cat" / "link.png").symlink_to(tmp_path / "other/cat/00.png")
    assert refused(folder).startswith(f"{folder}/cat/link.png: a link that leaves the folder {folder}; copy the file")
    for name in ("../other/cat/00.png", str(tmp_path / "other/cat/00.png"), "cat/link.png"):
        (folder / "list.csv").write_text(f"path,label\ncat/00.png,a\n{name},b\n")
        assert f"list.csv, row 3: {name} leaves the folder of the CSV" in refused(folder / "list.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na/00.png,x\na/00.png,y\n", "list.csv, row 3: {folder}/a/00.png: is there more than once."),
        (
            "path,label\na/00.png,x\na/99.png,y\n",
            "row 3: {folder}/a/99.png: cannot be read (No such file or directory).",
        ),
        ("path,label\na/00.png,x,z\n", "list.csv, row 2: 3 cells; the header has 2."),
        ("path,label\na/00.png,\n", 'list.csv, row 2: column "label" is empty.'),
        ("path,label\n,x\n", 'list.csv, row 2: column "path" is empty.'),
        ("path,labels\na/00.png,x\n", 'list.csv: row 1 has no column "label". Did you mean "labels"?'),
        ("path,label,path\na/00.png,x,y\n", 'list.csv: row 1 has more than one column "path".'),
        ("", 'list.csv: row 1 has no column "path".'),
        ("path,label\n", "list.csv: there is no picture in it."),
        ("path,label\na/00.png,x\na/01.png,x\n", "There is only one class, x; expected two or more to tell apart."),
        ("path,label\na/\0.png,x\n", "list.csv: holds a NUL byte"),
    ],
)
def test_a_bad_csv_is_told_with_its_row(text: str, message: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "data", classes=("a", "b"))
    (folder / "list.csv").write_text(text)
    assert message.format(folder=folder) in refused(folder / "list.csv")


def test_a_csv_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("path,label\nä.png,x\n".encode("latin-1"))
    assert refused(tmp_path / "list.csv").endswith("byte 11 is not UTF-8; expected a CSV in UTF-8.")


def test_a_folder_that_cannot_be_learnt_from_is_told(tmp_path: Path) -> None:
    folder = make(tmp_path / "data", classes=("cat",))
    assert refused(folder) == "There is only one class, cat; expected two or more to tell apart."
    (folder / "dog").mkdir()
    assert refused(folder).startswith(
        f"{folder}/dog: the class dog has no picture in it; remove the folder or fill it."
    )
    assert refused(folder / "cat").startswith(f"{folder}/cat: expected a folder for each class, or a CSV")
    assert refused(tmp_path / "dato").startswith(f"dataset.path={tmp_path}/dato: there is no such file or folder. Did")
    make(tmp_path / "val", classes=("cats",))
    make(folder, classes=("dog",))
    said = refused(folder, val=str(tmp_path / "val"))
    assert said.endswith(
        'val/cats/00.png: the class cats of the val files is not among those to train on. Did you mean "cat"?'
    )
    (folder / "cat" / "pipe.png").unlink(missing_ok=True)
    os.mkfifo(folder / "cat" / "pipe.png")
    assert refused(folder).startswith(f"{folder}/cat/pipe.png: is not a regular file.")


def test_when_every_picture_is_bad_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "x.png").write_bytes(b"no")
    assert (
        refused(tmp_path / "data", on_bad_row="skip") == "No picture of the train files can be used; each was left out."
    )


def test_what_was_found_of_a_file_is_kept_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))
    folder = make(tmp_path / "data")
    for path in folder.rglob("*.png"):
        os.utime(path, (1_600_000_000, 1_600_000_000))  # not changed a moment ago
    first = read(folder, in_memory=False).fingerprint
    looked: list[Path] = []
    real = pictures.look
    monkeypatch.setattr(
        "dlrun.options.datasets.image_folder.look", lambda path, content: looked.append(path) or real(path, content)
    )
    assert read(folder, in_memory=False).fingerprint == first
    assert looked == []
    Image.new("RGB", (8, 8)).save(folder / "cat/00.png")
    assert read(folder, in_memory=False).fingerprint != first
    assert looked == [folder / "cat/00.png"]


def test_the_fingerprint_is_that_of_the_files_and_how_they_are_read(tmp_path: Path) -> None:
    make(tmp_path / "one")
    make(tmp_path / "two")
    assert read(tmp_path / "one").fingerprint == read(tmp_path / "two", in_memory=False).fingerprint
    assert read(tmp_path / "one").fingerprint != read(tmp_path / "one", size=4).fingerprint


def test_bad_data_ends_the_command_with_3_and_words(tmp_path: Path, dlrun: Dlrun) -> None:
    folder = make(tmp_path / "data")
    (folder / "cat" / "bad.png").write_bytes(b"no")
    words = ("dataset=image_folder", f"dataset.path={folder}", "model=linear", "trainer.epochs=1", "device.threads=1")
    code, _, err = dlrun(*words, "hydra.run.dir=run", "--quiet")
    assert code == 3
    assert f"{folder}/cat/bad.png: is not a picture" in err
    assert "Traceback" not in err
    code, _, err = dlrun(*words, "hydra.run.dir=left_out", "dataset.on_bad_row=skip", "--quiet")
    assert code == 0, err
    assert "bad.png: is not a picture" in Path("left_out/dlrun.log").read_text()
    (skipped,) = json.loads(Path("left_out/result.json").read_text())["dataset"]["skipped"]
    assert skipped.startswith(f"{folder}/cat/bad.png: is not a picture")


@pytest.mark.parametrize("workers", [0, 2])
def test_pictures_are_trained_on_killed_resumed_evaluated_and_encoded(
    workers: int, tmp_path: Path, dlrun: Dlrun
) -> None:
    folder = make(tmp_path / "data", each=20)
    words = ("dataset=image_folder", f"dataset.path={folder}", "dataset.in_memory=false", "dataset.augment.flip=true")
    words += ("model=linear", "trainer.batch_size=4", "optimizer.lr=0.01")
    killed, metrics = killed_and_gone_on_with(words, dlrun, workers=workers)
    assert metrics["test/accuracy"] > 0.5
    _, reads = restored(killed)
    new = make(tmp_path / "new", each=1, side=20)
    encoded = reads.encode(new)
    assert encoded.inputs.shape == (3, 3, 8, 8)
    assert encoded.columns == {"path": [f"{new}/{name}/00.png" for name in ("cat", "dog", "owl")]}
    same = reads.encode(folder / "cat/00.png")
    assert torch.equal(same.inputs, inputs(read(folder))[:1])
    rows = predicted(dlrun, killed, new)
    assert [row["path"] for row in rows] == encoded.columns["path"]
    assert {row["prediction"] for row in rows} <= {"cat", "dog", "owl"}


def test_new_pictures_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    reading = encoder({"size": [8, 8], "fit": "crop", "channels": 3})
    (tmp_path / "new").mkdir()
    with pytest.raises(DataError, match=r"new: there is no picture in it\."):
        reading.encode(tmp_path / "new")
    (tmp_path / "new" / "x.png").write_bytes(b"no")
    with pytest.raises(DataError, match=r"x\.png: is not a picture"):
        reading.encode(tmp_path / "new")
    make(tmp_path / "new", each=1)
    (tmp_path / "new" / "list.csv").write_text("path\ncat/00.png\n../x.png\n")
    with pytest.raises(DataError, match=r"row 3: \.\./x\.png leaves the folder"):
        reading.encode(tmp_path / "new" / "list.csv")
    (tmp_path / "new" / "x.png").unlink()
    (tmp_path / "new" / "x.png").symlink_to("/etc/hostname")
    with pytest.raises(DataError, match=r"x\.png: a link that leaves the folder"):
        reading.encode(tmp_path / "new")


def rated(folder: Path, labels: list[str]) -> Path:
    """Pictures that are the lighter the higher their label, and the list of them."""
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
    (found,) = predicted(dlrun, Path("run"), tmp_path / "data" / "25.png")
    assert abs(float(found["prediction"]) - 0.5) < 0.15


def test_labels_that_are_no_numbers_are_told_with_their_row(tmp_path: Path) -> None:
    path = rated(tmp_path / "data", ["0.5", "much", "0.7", "nan", "0.9"])
    said = refused(path, task="regression")
    assert "list.csv, row 3: " in said
    assert '1.png: column "label": expected a finite number, got "much".' in said
    source = read(path, task="regression", on_bad_row="skip")
    assert source.train.targets.tolist() == [[0.5], [pytest.approx(0.7)], [pytest.approx(0.9)]]
    assert len(source.skipped) == 2
    same = rated(tmp_path / "same", ["1", "1.0", "1"])
    assert "The target is 1 in every training row; there is nothing to learn." in refused(same, task="regression")


def test_new_pictures_come_in_chunks_that_make_up_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlrun.data.media import reader as file_reader

    folder = make(tmp_path / "data", each=5)
    encoder = read(folder).encoder
    assert encoder is not None
    whole = encoder.encode(folder)
    monkeypatch.setattr(file_reader, "_PREDICTED_AT_ONCE", 4)
    chunks = list(encoder.chunks(folder))
    assert [len(chunk.inputs) for chunk in chunks] == [4] * (len(whole.inputs) // 4) + [len(whole.inputs) % 4]
    assert torch.equal(torch.cat([chunk.inputs for chunk in chunks]), whole.inputs)
    assert [name for chunk in chunks for name in chunk.columns["path"]] == whole.columns["path"]
