"""`dlrun.data.media.images`: images of every mode as bytes, damaged ones, and new images for predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dlrun.data.media import reader as file_reader
from dlrun.data.media.images import Decoding, ImageEncoder, PixelBudget, bombs_are_errors, probe_image, verify_image
from dlrun.data.spec import DataSpec, Scaling
from dlrun.errors import DataError
from tests.data.media.samples import encoded, jpeg, make_images, png_of

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_every_mode_become_bytes(mode: str, channels: int) -> None:
    white = Image.new("L", (6, 4), 255)
    image = Image.fromarray(np.full((4, 6), 65535, dtype=np.uint16)) if mode == "I;16" else white.convert(mode)
    content = encoded(image, "JPEG" if mode == "CMYK" else "PNG", quality=100)
    decoded = Decoding((4, 6), "crop", channels).decode(content)
    assert decoded.shape == (channels, 4, 6)
    assert decoded.min() >= 254


def test_a_transparent_image_is_on_white() -> None:
    content = encoded(Image.new("RGBA", (2, 2), (0, 0, 0, 0)))
    assert Decoding((2, 2), "crop", 3).decode(content).min() == 255


def rotated() -> bytes:
    """A JPEG of 16x8 pixels, its left half white, that EXIF says to rotate a quarter clockwise: left becomes top."""
    pixels = np.zeros((8, 16), dtype=np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.fromarray(pixels), "JPEG", exif=exif, quality=95)


def test_a_photograph_is_rotated_as_its_exif_says() -> None:
    assert probe_image(rotated()) == {"width": 8, "height": 16, "grey": True}
    decoded = Decoding((16, 8), "crop", 1).decode(rotated())
    assert decoded[0, :7].min() > 240
    assert decoded[0, 9:].max() < 15


@pytest.mark.parametrize(("fit", "top", "left"), [("crop", 200, 200), ("pad", 0, 200), ("stretch", 176, 37)])
def test_a_wide_image_is_cropped_padded_or_stretched(fit: str, top: int, left: int) -> None:
    pixels = np.full((4, 8), 200, dtype=np.uint8)
    pixels[:, :2] = pixels[:, 6:] = 10  # bright in the middle, dark at both sides
    decoded = Decoding((4, 4), fit, 1).decode(encoded(Image.fromarray(pixels)))[0]
    assert decoded[0, 2] == top
    if fit != "pad":
        assert decoded[2, 0] == left


BAD = {
    "cut off": (jpeg()[:-600], "is damaged or cut off (image file is truncated"),
    "a text": (b"hello", "is not an image; expected PNG, JPEG, BMP, WebP or GIF."),
    "another format": (encoded(Image.new("L", (2, 2)), "TIFF"), "is not an image; expected PNG, JPEG, BMP"),
    "large": (png_of(9000, 9000), "is too large to decode: 9000x9000 pixels; expected at most 64,000,000 pixels."),
    "gigabytes": (png_of(60000, 60000), "is too large to decode: Image size (3600000000 pixels) exceeds limit"),
    "many pixels": (png_of(12000, 10000), "is too large to decode: Image size (120000000 pixels) exceeds limit"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_image_is_an_error(bad: str) -> None:
    content, message = BAD[bad]
    with pytest.raises(DataError) as caught, bombs_are_errors():
        probe_image(content)
    assert str(caught.value).startswith(message)


def test_damage_that_only_decoding_shows() -> None:
    content = png_of(100, 100)  # too few rows for its header
    assert probe_image(content)["width"] == 100
    for read in (verify_image, Decoding((8, 8), "crop", 1).decode):
        with pytest.raises(DataError, match=r"^is damaged or cut off \("):
            read(content)
    with pytest.raises(DataError, match="is too large to decode: 9000x9000 pixels"):
        Decoding((8, 8), "crop", 1).decode(png_of(9000, 9000))


def test_the_state_of_an_encoder_is_plain_and_restores_it(tmp_path: Path) -> None:
    encoder = ImageEncoder(Decoding((8, 6), "pad", 3))
    assert encoder.state() == {"size": [8, 6], "fit": "pad", "channels": 3}
    again = ImageEncoder.restored(json.loads(json.dumps(encoder.state())))
    Image.fromarray(RGB).save(tmp_path / "x.png")
    assert torch.equal(again.encode(tmp_path / "x.png").inputs, encoder.encode(tmp_path / "x.png").inputs)
    assert again.encode(tmp_path / "x.png").columns == {"path": [f"{tmp_path}/x.png"]}


def test_new_images_that_cannot_be_read_are_errors(tmp_path: Path) -> None:
    encoder = ImageEncoder(Decoding((8, 8), "crop", 3))
    (tmp_path / "new").mkdir()
    with pytest.raises(DataError, match=r"new: there is no image in it\."):
        encoder.encode(tmp_path / "new")
    (tmp_path / "new" / "x.png").write_bytes(b"no")
    with pytest.raises(DataError, match=r"x\.png: is not an image"):
        encoder.encode(tmp_path / "new")


def test_new_images_come_in_chunks_that_make_up_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_images(tmp_path / "data", each=5)
    encoder = ImageEncoder(Decoding((8, 8), "crop", 3))
    whole = encoder.encode(folder)
    monkeypatch.setattr(file_reader, "_PREDICTED_AT_ONCE", 4)
    chunks = list(encoder.chunks(folder))
    assert [len(chunk.inputs) for chunk in chunks] == [4, 4, 4, 3]
    assert torch.equal(torch.cat([chunk.inputs for chunk in chunks]), whole.inputs)
    assert [name for chunk in chunks for name in chunk.columns["path"]] == whole.columns["path"]


def of_spec(*shape: int, low: float = 0.0, high: float = 16.0, pad: int = 0) -> tuple[ImageEncoder, list[str]]:
    scaling = Scaling((0.0,), (1.0,), low, high)
    warnings: list[str] = []
    spec = DataSpec("image", shape, "multiclass", 10, scaling=scaling)
    return ImageEncoder.of_spec(spec, pad=pad, warn=warnings.append), warnings


def test_images_for_a_published_dataset_have_its_value_range(tmp_path: Path) -> None:
    encoder, warned = of_spec(3, 8, 10, low=-1.0, high=3.0, pad=1)
    Image.fromarray(RGB).save(tmp_path / "b.png")
    Image.fromarray(RGB).save(tmp_path / "A.TIFF")
    (tmp_path / "below").mkdir()
    Image.fromarray(RGB[..., 0]).save(tmp_path / "below/c.pgm")
    (tmp_path / "notes.txt").write_text("no image")
    found = encoder.encode(tmp_path)
    expected = torch.from_numpy(RGB).permute(2, 0, 1) / 255 * 4 - 1
    assert found.columns == {"file": ["A.TIFF", "b.png", "below/c.pgm"]}
    assert warned == []
    for row in found.inputs[:2]:
        assert torch.equal(row, expected)
    assert encoder.encode(tmp_path / "b.png").columns == {"file": ["b.png"]}


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_plain_image_has_the_numbers_of_pillows_conversion(form: str, channels: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(encoded(Image.fromarray(RGB), form))
    encoder, _ = of_spec(channels, 6, 8)
    with Image.open(tmp_path / "x") as opened:
        pixels = np.array(opened.convert("L" if channels == 1 else "RGB"), dtype=np.float32).reshape(6, 8, channels)
    expected = torch.from_numpy(pixels).permute(2, 0, 1) / 255 * 16
    assert torch.equal(encoder.encode(tmp_path / "x").inputs[0], expected)


def test_a_published_dataset_rotates_transparent_and_deep_images_too(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(rotated())
    encoder, warned = of_spec(1, 16, 8)
    values = encoder.encode(tmp_path / "x.jpg").inputs[0, 0]
    assert values[:7].min() > 15
    assert values[9:].max() < 1
    assert warned == []
    encoder, _ = of_spec(1, 2, 2)
    (tmp_path / "x.png").write_bytes(encoded(Image.new("RGBA", (2, 2), (0, 0, 0, 0))))
    assert encoder.encode(tmp_path / "x.png").inputs.min() == 16
    Image.fromarray(np.full((2, 2), 32768, dtype=np.uint16)).save(tmp_path / "x.png")
    assert encoder.encode(tmp_path / "x.png").inputs.max() == torch.tensor(128 / 255 * 16)


def test_resizing_is_bilinear_and_told_once(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(RGB).save(tmp_path / name)
    encoder, warned = of_spec(3, 3, 3)
    found = encoder.encode(tmp_path).inputs
    resized = np.array(Image.fromarray(RGB).resize((3, 3), Image.Resampling.BILINEAR), dtype=np.float32)
    assert torch.equal(found[0], torch.from_numpy(resized).permute(2, 0, 1) / 255 * 16)
    assert warned == [f"{tmp_path}/a.png is 8x6; images are resized to 3x3, as in training."]


def test_a_number_of_channels_that_no_image_has_is_an_error() -> None:
    with pytest.raises(DataError, match=r"The run was trained on images of 2 channels; an image file has 1 or 3\."):
        of_spec(2, 8, 8)


def test_all_images_together_may_have_so_many_pixels() -> None:
    decoding, budget = Decoding((4, 4), "crop", 3), PixelBudget(64 * 64 + 100)
    large = encoded(Image.new("RGB", (64, 64)))
    assert decoding.decode(large, budget=budget).shape == (3, 4, 4)
    what = r"^is 64x64 pixels; expected at most 4,196 pixels in all images together\. Make it smaller, or send fewer\.$"
    with pytest.raises(DataError, match=what):
        decoding.decode(large, budget=budget)
    photograph = PixelBudget(8 * 8)  # of which only an eighth of each side is decoded
    assert decoding.decode(jpeg(64), budget=photograph).shape == (3, 4, 4)
