"""Image files of any size and mode as arrays of bytes, (C, H, W), and what is wrong with damaged ones."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from dlrun.data.media.listing import new_files
from dlrun.data.media.reader import FileReader
from dlrun.data.media.survey import Facts, survey
from dlrun.data.source import ChunkedEncoder, Encoded
from dlrun.data.spec import DataSpec
from dlrun.errors import DataError
from dlrun.wording import plural

MAX_PIXELS = 64_000_000  # an image that decodes to more than 256 MB is refused, not opened
FORMATS = ("PNG", "JPEG", "BMP", "WebP", "GIF")
_MORE_FORMATS = (*FORMATS, "TIFF", "PPM")  # also read for predictions of datasets that are not files of the user's own
_SUFFIXES = {
    "PNG": (".png",), "JPEG": (".jpg", ".jpeg"), "BMP": (".bmp",), "WebP": (".webp",), "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"), "PPM": (".pgm", ".ppm"),
}  # fmt: skip
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}  # bytes near the end of a complete file
_EXIF_ORIENTATION = 0x0112
_FAILURES = (  # what decoders raise on broken files
    OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError, MemoryError,
    struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


def suffixes_of(formats: Sequence[str]) -> tuple[str, ...]:
    """Return the endings of files in these formats, lower case."""
    return tuple(suffix for name in formats for suffix in _SUFFIXES[name])


@contextmanager
def bombs_are_errors() -> Iterator[None]:
    """Turn Pillow's warning about images that decode to very much into an error, in every thread meanwhile."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def probe_image(content: bytes, *, formats: Sequence[str] = FORMATS, decode: bool = False) -> dict[str, Any]:
    """Return width and height in pixels after rotation, and whether the image is grey.

    Reads the head and the end of the file only, unless `decode`.
    Raises DataError, without the file's name, for a file that is no image, too large or not complete.
    """
    try:
        with _opened(content, formats) as image:
            width, height = image.size
            end = _ENDS.get(image.format or "")
            if decode or (end is not None and end not in content[-4096:]):
                image.load()
            may_rotate = image.format in ("JPEG", "WEBP")  # finding the tag would decode a PNG
            if may_rotate and image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8):  # on its side
                width, height = height, width
            return {"width": width, "height": height, "grey": image.mode in ("1", "L", "LA", "I", "I;16", "I;16B")}
    except UnidentifiedImageError as error:
        expected = f"{', '.join(formats[:-1])} or {formats[-1]}"
        raise DataError(f"is not an image; expected {expected}.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"is too large to decode: {error}") from error
    except _FAILURES as error:
        raise _damaged(error) from error


def verify_image(content: bytes) -> dict[str, Any]:
    """Return what `probe_image` does, after decoding the whole image."""
    return probe_image(content, decode=True)


def _opened(content: bytes, formats: Sequence[str]) -> Image.Image:
    image = Image.open(io.BytesIO(content), formats=[name.upper() for name in formats])
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width}x{image.height}"
        raise DataError(f"is too large to decode: {size} pixels; expected at most {MAX_PIXELS:,} pixels.")
    return image


def _damaged(error: BaseException) -> DataError:
    reason = str(error).strip().rstrip(".") or type(error).__name__
    if isinstance(error, UnidentifiedImageError):  # which names an object in memory
        reason = "it is no image of a known format"
    return DataError(f"is damaged or cut off ({reason}).")


class PixelBudget:
    """How many pixels may still be decoded: small files of a stranger can hold very many."""

    def __init__(self, pixels: int) -> None:
        self._all = self._left = pixels

    def take(self, size: tuple[int, int]) -> None:
        """Take the pixels of an image; raises DataError, without the file's name, if there are no more."""
        self._left -= size[0] * size[1]
        if self._left < 0:
            what = f"is {size[0]}x{size[1]} pixels; expected at most {self._all:,} pixels in all images together"
            raise DataError(f"{what}. Make it smaller, or send fewer.")


@dataclass(frozen=True)
class Decoding:
    """How an image file becomes a row: its first frame, rotated as EXIF says, on white where transparent, in 8 bits.

    size: (H, W). fit: crop (the shorter side fits, the middle remains), pad (the whole image on black) or stretch;
    bilinear with antialiasing. channels: 1 (grey) or 3. by_luma: a colour JPEG becomes grey while it is decoded,
    which is faster and rounds differently than converting its colours.
    """

    size: tuple[int, int]
    fit: str
    channels: int
    formats: tuple[str, ...] = FORMATS
    by_luma: bool = True

    def decode(self, content: bytes, *, budget: PixelBudget | None = None) -> np.ndarray[Any, Any]:
        """Return a file's image, uint8 (C, H, W). budget: what the pixels that are decoded are taken from.

        Raises DataError, without the file's name.
        """
        height, width = self.size
        mode = "L" if self.channels == 1 else "RGB"
        enough = (2 * max(width, height), 2 * max(width, height))
        try:
            with _opened(content, self.formats) as opened:
                opened.draft(mode if self.by_luma else None, enough)  # a large JPEG is decoded at a smaller scale
                if budget is not None:
                    budget.take(opened.size)
                image = _flat(ImageOps.exif_transpose(opened), mode)
                if image.size != (width, height):
                    image = _fitted(image, (width, height), self.fit)
                pixels = np.array(image)  # (H, W) or (H, W, C)
        except _FAILURES as error:
            raise _damaged(error) from error
        return pixels[None] if self.channels == 1 else pixels.transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)


def _flat(image: Image.Image, mode: str) -> Image.Image:
    """Return the image without transparency or deep colour, as L or RGB."""
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow holds in 16 or 32
        deep = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        image = Image.fromarray((deep >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


def _fitted(image: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    how = Image.Resampling.BILINEAR
    if fit == "crop":
        return ImageOps.fit(image, size, how)
    if fit == "pad":
        return ImageOps.pad(image, size, how)
    return image.resize(size, how)


class ImageReader(FileReader):
    """Surveyed image files, decoded when they are requested, uint8 (B, C, H, W)."""

    dtype = torch.uint8

    def __init__(self, paths: Sequence[Path], facts: Sequence[Facts], decoding: Decoding) -> None:
        super().__init__(paths, facts)
        self._decoding = decoding
        self.row_shape = (decoding.channels, *decoding.size)

    @property
    def decisive(self) -> Mapping[str, Any]:
        decoding = self._decoding
        return {"size": decoding.size, "fit": decoding.fit, "channels": decoding.channels, "library": PIL.__version__}

    def row(self, content: bytes) -> Tensor:
        return torch.from_numpy(self._decoding.decode(content))


class ImageEncoder(ChunkedEncoder):
    """New images, decoded as those trained on were.

    value_range: of the rows of a dataset that are not bytes from 0 to 255. relative: call files by their paths within
    the input in a column "file", instead of "path". warn: receives a sentence when an image is resized.
    """

    def __init__(
        self,
        decoding: Decoding,
        *,
        value_range: tuple[float, float] | None = None,
        relative: bool = False,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._decoding = decoding
        self._value_range, self._relative, self._warn = value_range, relative, warn

    def state(self) -> dict[str, Any]:
        return {"size": list(self._decoding.size), "fit": self._decoding.fit, "channels": self._decoding.channels}

    def description(self) -> dict[str, Any]:
        """Return how a file becomes a row, as plain values: size (H, W), fit, channels, and the range of pixels."""
        return {**self.state(), "by_luma": self._decoding.by_luma, "range": list(self._value_range or (0.0, 255.0))}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> ImageEncoder:
        """Return the encoder of `state`."""
        height, width = state["size"]
        return cls(Decoding((height, width), state["fit"], state["channels"]))

    @classmethod
    def of_spec(cls, spec: DataSpec, *, pad: int, warn: Callable[[str], None]) -> ImageEncoder:
        """Return the encoder of a dataset without one of its own: images are stretched to its size and value range.

        pad: pixels on each side that the model's input has and an image has not.
        Raises DataError for a number of channels that no image file has.
        """
        channels, height, width = spec.shape
        if channels not in (1, 3):
            raise DataError(
                f"The run was trained on images of {plural(channels, 'channel')}; an image file has 1 or 3."
            )
        decoding = Decoding((height - 2 * pad, width - 2 * pad), "stretch", channels, _MORE_FORMATS, by_luma=False)
        value_range = (0.0, 1.0) if spec.scaling is None else (spec.scaling.low, spec.scaling.high)
        return cls(decoding, value_range=value_range, relative=True, warn=warn)

    def chunks(self, path: Path) -> Iterator[Encoded]:
        path = path.expanduser()
        formats = self._decoding.formats
        paths = new_files(path, suffixes_of(formats), what="image")

        def refuse(number: int, text: str) -> None:
            raise DataError(f"{paths[number]}: {text}")

        with bombs_are_errors():
            probe = partial(probe_image, formats=formats)
            found = survey(paths, probe, kind=f"images {' '.join(formats)}", refuse=refuse)
        facts = [entry for entry in found if entry is not None]
        self._warn_of_size(paths, facts)
        root = path if path.is_dir() else path.parent
        for chunk in ImageReader(paths, facts, self._decoding).encoded():
            columns = dict(chunk.columns)
            if self._relative:
                columns = {"file": [str(Path(name).relative_to(root)) for name in columns["path"]]}
            yield Encoded(self._valued(chunk.inputs), columns=columns)

    def _warn_of_size(self, paths: Sequence[Path], facts: Sequence[Facts]) -> None:
        height, width = self._decoding.size
        for path, entry in zip(paths, facts, strict=True):
            size = entry.properties["width"], entry.properties["height"]
            if self._warn is not None and size != (width, height):
                shown = f"{size[0]}x{size[1]}"
                self._warn(f"{path} is {shown}; images are resized to {width}x{height}, as in training.")
                return

    def _valued(self, inputs: Tensor) -> Tensor:
        """Bytes as values of the dataset, float32 (B, C, H, W)."""
        if self._value_range is None:
            return inputs
        low, high = self._value_range
        return inputs.float() / 255 * (high - low) + low
