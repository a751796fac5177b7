"""Pictures of any size and mode to arrays of bytes, (C, H, W), and what is wrong with those that are none."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from dlrun.data.media.listing import existing, is_inside, read_list, walk
from dlrun.data.media.reader import FileReader
from dlrun.data.media.survey import Facts, survey
from dlrun.data.source import Encoded, Encoder, joined
from dlrun.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif")
MAX_PIXELS = 64_000_000  # a picture that unpacks to more than 256 MB is told, not opened
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}  # what stands near the end of a whole file
_EXIF_ORIENTATION = 0x0112
_FAILURES = (  # what decoders raise on broken files
    OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError, MemoryError,
    struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


@contextmanager
def bombs_are_errors() -> Iterator[None]:
    """Pillow warns of pictures that unpack to very much; here that is an error in every thread meanwhile."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def look(path: Path, content: bytes, *, decode: bool = False) -> dict[str, Any]:
    """Width and height in pixels as it is seen, and whether it is grey.

    Only the head is read, and the end of the file is looked at; `decode` unpacks all of it.
    Raises DataError, without the file's name, when it is no picture, too large or not whole.
    """
    del path
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DataError(_too_large(width, height))
            end = _ENDS.get(image.format or "")
            if decode or (end is not None and end not in content[-4096:]):
                image.load()
            may_turn = image.format in ("JPEG", "WEBP")  # a PNG would be unpacked to find it
            if may_turn and image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8):  # lies on its side
                width, height = height, width
            return {"width": width, "height": height, "grey": image.mode in ("1", "L", "LA", "I", "I;16", "I;16B")}
    except UnidentifiedImageError as error:
        raise DataError("is not a picture; expected PNG, JPEG, BMP, WebP or GIF.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"unpacks to too much: {error}") from error
    except _FAILURES as error:
        raise DataError(f"is damaged or cut off ({_reason(error)}).") from error


def look_closely(path: Path, content: bytes) -> dict[str, Any]:
    """What `look` tells, after unpacking the whole picture."""
    return look(path, content, decode=True)


def _too_large(width: int, height: int) -> str:
    return f"unpacks to {width}x{height} pixels; expected at most {MAX_PIXELS:,} pixels."


def _reason(error: BaseException) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def decode(content: bytes, *, size: Sequence[int], fit: str, channels: int) -> np.ndarray[Any, Any]:
    """A picture's bytes to an array, uint8 (C, H, W).

    The first frame; turned as its EXIF says; what is see-through lies on white; 16 bits become 8. size: (H, W).
    fit: crop (shorter side fits, the middle is kept), pad (whole picture on black) or stretch. Bilinear, smoothed.
    Raises DataError, without the file's name.
    """
    height, width = size
    mode = "L" if channels == 1 else "RGB"
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise DataError(_too_large(opened.width, opened.height))
            opened.draft(mode, (2 * max(width, height), 2 * max(width, height)))  # JPEG unpacks smaller where it can
            image = _flat(ImageOps.exif_transpose(opened), mode)
            if image.size != (width, height):
                image = _fitted(image, (width, height), fit)
            pixels = np.array(image)  # (H, W) or (H, W, C)
    except _FAILURES as error:
        raise DataError(f"is damaged or cut off ({_reason(error)}).") from error
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)


def _flat(image: Image.Image, mode: str) -> Image.Image:
    """Without transparency or deep colour, as L or RGB."""
    if image.mode.startswith("I"):  # 16 bits, kept in 16 or 32
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


class PictureReader(FileReader):
    """Pictures that were surveyed, decoded when they are asked for, uint8 (B, C, H, W)."""

    dtype = torch.uint8

    def __init__(
        self, paths: Sequence[Path], facts: Sequence[Facts], *, size: Sequence[int], fit: str, channels: int
    ) -> None:
        super().__init__(paths, facts)
        self._size, self._fit, self._channels = tuple(size), fit, channels
        self.row_shape = (channels, *self._size)

    @property
    def decisive(self) -> Mapping[str, Any]:
        return {"size": self._size, "fit": self._fit, "channels": self._channels, "library": PIL.__version__}

    def row(self, content: bytes) -> Tensor:
        return torch.from_numpy(decode(content, size=self._size, fit=self._fit, channels=self._channels))


class PictureEncoder(Encoder):
    """New pictures brought to the size and channels of those trained on."""

    def __init__(self, *, size: Sequence[int], fit: str, channels: int) -> None:
        self._size, self._fit, self._channels = tuple(size), fit, channels

    def state(self) -> dict[str, Any]:
        return {"size": list(self._size), "fit": self._fit, "channels": self._channels}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> PictureEncoder:
        """From what `state` gave."""
        return cls(size=state["size"], fit=state["fit"], channels=state["channels"])

    def encode(self, path: Path) -> Encoded:
        return joined(self.chunks(path), path)

    def chunks(self, path: Path) -> Iterator[Encoded]:
        paths = new_files(path, SUFFIXES, what="picture")

        def refuse(number: int, text: str) -> None:
            raise DataError(f"{paths[number]}: {text}")

        with bombs_are_errors():
            facts = survey(paths, look, kind="pictures", refuse=refuse)
        whole = [entry for entry in facts if entry is not None]
        return PictureReader(paths, whole, size=self._size, fit=self._fit, channels=self._channels).encoded()


def new_files(path: Path, suffixes: Sequence[str], *, what: str) -> list[Path]:
    """What is to be predicted: one file, those of a folder and below by name, or those that a CSV lists in `path`.

    Raises DataError when there are none, or a path leads out of the folder.
    """

    def refuse(text: str) -> None:
        raise DataError(text)

    path = existing(str(path), "input")
    if path.is_dir():
        paths = list(walk(path, suffixes, []))
        for file in paths:
            if not is_inside(file, path):
                refuse(f"{file}: a link that leaves the folder {path}; copy the file into it.")
    elif path.suffix.lower() == ".csv":
        paths = [entry.path for entry in read_list(path, target=None, refuse=refuse)]
    else:
        paths = [path]
    if not paths:
        refuse(f"{path}: there is no {what} in it.")
    return paths
