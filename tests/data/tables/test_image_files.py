"""dlrun.data.tables.image_files: the images that a table names, checked, hashed, and never outside its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.image_files import ImageFiles, find_images, image_notices


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with two images, and an image outside it."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    Image.new("RGB", (9, 9), "red").save(tmp_path / "out.png")
    monkeypatch.chdir(tmp_path / "in")
    Image.new("RGB", (9, 9), "red").save("a.png")
    Image.new("L", (9, 9), 3).save("deep/b.jpg")


def find(*words: object, scan: object = "a.png") -> ImageFiles:
    rows = [{"n": 1, "photo": word, "scan": scan} for word in words]
    Path("t.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return find_images(ArrowTable(Path("t.jsonl")), ["photo", "scan", "none"])


def test_paths_are_relative_to_the_table() -> None:
    found = find("a.png", " deep/b.jpg ", None, "a.png")
    assert found.refused == {"photo": {}, "scan": {}}
    assert found.paths == {"photo": {"a.png": "a.png", " deep/b.jpg ": "deep/b.jpg"}, "scan": {"a.png": "a.png"}}
    assert [found.facts[path].properties["grey"] for path in ("a.png", "deep/b.jpg")] == [False, True]
    words = {"photo": [" deep/b.jpg ", "a.png"], "town": ["a.png "]}
    assert found.located(words) == {"photo": ["deep/b.jpg", "a.png"], "town": ["a.png "]}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("../out.png", '"../out.png" leaves the folder of the table; expected a path inside it'),
        ("deep/../../out.png", '"deep/../../out.png" leaves the folder of the table; expected a path inside it'),
        ("/etc/passwd", '"/etc/passwd" leaves the folder of the table; expected a path inside it'),
        ("link.png", '"link.png" leaves the folder of the table; expected a path inside it'),
        ("none.png", 'there is no image "none.png" in the folder of the table'),
        ("x" * 5000, f'there is no image "{"x" * 119}…" in the folder of the table'),
        ("nul\0.png", 'there is no image "nul\\x00.png" in the folder of the table'),
        ("deep", 'the image "deep" is not a regular file'),
        ("circle.png", 'there is no image "circle.png" in the folder of the table'),
        ("empty.png", 'the image "empty.png" is empty, 0 bytes'),
        ("text.png", 'the image "text.png" is not an image; expected PNG, JPEG, BMP, WebP or GIF'),
        ("cut.png", 'the image "cut.png" is damaged or cut off'),
    ],
)
def test_a_word_that_names_no_good_image_is_refused(word: str, message: str) -> None:
    Path("link.png").symlink_to("../out.png")
    Path("circle.png").symlink_to("circle.png")
    Path("empty.png").touch()
    Path("text.png").write_text("not an image")
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:50])
    found = find("a.png", word)
    assert list(found.refused["photo"]) == [word]
    assert found.refused["photo"][word].startswith(message)
    assert word not in found.paths["photo"]


def test_the_digest_changes_with_the_content_of_an_image_and_with_the_names() -> None:
    before = find("a.png", "deep/b.jpg").digest
    assert find("deep/b.jpg", "a.png").digest == before
    assert find("a.png").digest != before
    assert find("a.png", "deep/b.jpg", "none.png").digest != before
    Image.new("RGB", (9, 9), "blue").save("deep/b.jpg")
    assert find("a.png", "deep/b.jpg").digest != before


def test_a_table_without_images_has_none() -> None:
    Path("t.csv").write_text("n\n1\n")
    found = find_images(ArrowTable(Path("t.csv")), [])
    assert found.facts == {}
    assert list(image_notices({"train": found})) == []


def test_how_many_images_of_which_sizes_there_are_is_told() -> None:
    for side in (1, 2, 3):
        Image.new("L", (32, side)).save(f"{side}.png")
    files = {"train": find("a.png", "deep/b.jpg", "1.png", "2.png", scan="a.png"), "test": find("3.png", "1.png")}
    assert list(image_notices(files)) == [
        "columns: photo: 5 images (2 of 9x9, 1 of 32x1, 1 of 32x2, ...), cropped and resized to dataset.image_size",
        "columns: scan: 1 image (1 of 9x9), cropped and resized to dataset.image_size",
    ]
