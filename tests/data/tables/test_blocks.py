"""dlrun.data.tables.blocks: texts as token ids and images as pixels, learned from the training rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.spec import Block
from dlrun.data.tables import blocks
from dlrun.data.tables.blocks import ImageBlock, TextBlock, check_memory, restored_block, text_notices
from dlrun.data.tables.columns import Column
from dlrun.data.tables.image_files import find_images
from dlrun.errors import DataError

TEXTS = ["Red red wine", "a red, red car", "unseen words only", "wine!"]
TRAINING = np.array([0, 1, 3])


def text(**fields: int) -> TextBlock:
    block = TextBlock("review", **{"max_length": 8, "max_vocabulary": 100, **fields})
    block.fit(TEXTS, TRAINING)
    return block


def images(*values: int | tuple[int, ...]) -> ImageBlock:
    """An encoder fitted on images of one colour each, 0.png, 1.png, and so on; its words are their paths."""
    names = [f"{number}.png" for number in range(len(values))]
    for name, value in zip(names, values, strict=True):
        Image.new("L" if isinstance(value, int) else "RGB", (10, 10), value).save(name)
    Path("t.csv").write_text("photo\n" + "".join(f"{name}\n" for name in names))
    block = ImageBlock("photo", size=8)
    block.facts = find_images(ArrowTable(Path("t.csv")), ["photo"]).facts
    block.fit([str(Path(name)) for name in names], np.arange(len(names)))
    return block


def test_words_that_occur_twice_in_training_rows_have_ids_and_others_are_unknown() -> None:
    block = text()  # "red" four times, "wine" twice; "a", the comma, "car" and "!" once; words of row 2 never
    assert block.table(TEXTS).tolist() == [[2, 2, 3, 0, 0], [1, 2, 1, 2, 1], [1, 1, 1, 0, 0], [3, 1, 0, 0, 0]]
    assert block.block(7) == Block("review", "text", 7, (5,), vocabulary_size=4)


def test_a_text_is_cut_at_the_longest_of_training_or_at_max_length() -> None:
    assert text().table(["red " * 9]).tolist() == [[2] * 5]
    assert text(max_length=2).table(TEXTS[:1]).tolist() == [[2, 2]]
    assert text(max_vocabulary=1).table(TEXTS[:1]).tolist() == [[2, 2, 1, 0, 0]]


def test_texts_without_words_are_padding() -> None:
    block = TextBlock("review", max_length=8, max_vocabulary=100)
    block.fit([" "], np.array([0]))
    assert block.table([" ", "new"]).tolist() == [[0], [1]]


def test_missing_values_stay_zeros() -> None:
    features = np.zeros((3, 5), dtype=np.float32)
    text().fill(np.array([3, np.nan, 0], dtype=np.float32), TEXTS, features)
    assert features.tolist() == [[3, 1, 0, 0, 0], [0] * 5, [2, 2, 3, 0, 0]]
    text().fill(np.array([np.nan], dtype=np.float32), TEXTS, features[1:2])
    assert features[1].tolist() == [0] * 5


def test_the_state_restores_a_text_encoder() -> None:
    again = restored_block(json.loads(json.dumps(text().state())))
    assert again.table(TEXTS).tolist() == text().table(TEXTS).tolist()
    assert again.block(0) == text().block(0)
    assert again.state() == text().state()


def test_an_encoder_must_be_fitted() -> None:
    with pytest.raises(RuntimeError, match="fit comes first"):
        TextBlock("review", max_length=8, max_vocabulary=100).table(["x"])


def test_pixels_are_from_minus_1_to_1_channels_first() -> None:
    block = images((0, 255, 0), (255, 0, 51))
    assert block.block(2) == Block("photo", "image", 2, (3, 8, 8))
    pixels = block.table(["0.png", "1.png"]).reshape(2, 3, 64)
    assert [[sorted(set(channel)) for channel in image] for image in pixels.tolist()] == [
        [[-1], [1], [-1]],
        [[1], [-1], [pytest.approx(51 / 127.5 - 1)]],
    ]


def test_grey_images_have_one_channel() -> None:
    block = images(0, 255)
    assert block.block(0).shape == (1, 8, 8)
    assert block.table(["1.png"]).tolist() == [[1] * 64]


def test_loaded_images_are_the_same_and_are_released() -> None:
    block = images((1, 2, 3), (4, 5, 6))
    before = block.table(["1.png", "0.png"]).tolist()
    block.load([])
    block.load(["1.png", "0.png", "1.png"])
    for name in ("0.png", "1.png"):
        Path(name).unlink()
    assert block.table(["1.png", "0.png"]).tolist() == before
    block.unload()
    assert block.facts == {}


def test_the_state_restores_an_image_encoder() -> None:
    block = images(0, 255)
    again = restored_block(json.loads(json.dumps(block.state())))
    assert isinstance(again, ImageBlock)
    again.facts = block.facts
    assert again.table(["1.png"]).tolist() == block.table(["1.png"]).tolist()
    assert again.block(3) == block.block(3)


def test_an_image_that_changes_after_the_survey_is_reported() -> None:
    block = images(0, 255)
    Image.new("L", (20, 20), 7).save("1.png")
    with pytest.raises(DataError, match=r"1\.png: changed while the run was reading it"):
        block.table(["1.png"])


def test_rows_that_do_not_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "own_memory", lambda: 3 << 30)
    found = [Block("review", "text", 1, (128,), 99), Block("photo", "image", 129, (3, 32, 32))]
    check_memory(200_000, 3201, found)  # 3.0 GiB less a little
    message = (
        r'300,000 rows of 3,201 features \(the text "review" of up to 128 tokens, the 32x32 image "photo"\) need '
        r"4\.4 GiB of memory; 3\.0 GiB are free for this process\. Use a smaller dataset\.max_length or "
        r"dataset\.image_size, or dataset\.limit\."
    )
    with pytest.raises(DataError, match=message):
        check_memory(300_000, 3201, found)
    message = (
        r"300,000 rows of 3,201 features \(one for each number and each category\) need 3\.6 GiB of memory; 3\.0 GiB "
        r"are free for this process\. Use dataset\.categories=embed, a smaller dataset\.max_categories, or "
        r"dataset\.limit\."
    )
    with pytest.raises(DataError, match=message):
        check_memory(300_000, 3201, [])


def test_how_long_texts_are_and_how_many_are_cut_is_told() -> None:
    columns, words = [Column("n", "number"), Column("review", "text")], {"review": TEXTS}
    expected = "columns: review: 4 different texts, 3 words in the middle, 5 at most"
    assert list(text_notices(columns, words, max_length=5)) == [expected]
    cut = "; 1 longer than 4 words cut (dataset.max_length)"
    assert list(text_notices(columns, words, max_length=4)) == [expected + cut]
