"""Pictures and sounds inside a page, as data: addresses, within a budget of bytes."""

from __future__ import annotations

import base64
import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from dlrun.report.pages.text import escape

MEDIA_BYTES = 3_000_000
"""Of all pictures and sounds of a page, as they are written into it, so that a page stays below 5 MB."""
_MOST_SIDE = 640  # pixels of a picture; larger ones are made smaller
_EXACT_PIXELS = 128 * 128  # of a picture that is kept as it is; of a larger one a JPEG is smaller
_MOST_FILE_BYTES = 64 << 20
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")


class Media:
    """Writes pictures and sounds as HTML, until the budget is spent; then they are counted in `num_left_out`."""

    def __init__(self, budget: int = MEDIA_BYTES) -> None:
        self._left = budget
        self.num_left_out = 0
        self.unreadable: list[str] = []  # names of files

    def pixels(self, image: NDArray[np.uint8], *, alt: str) -> str:
        """Return a picture of bytes, (H, W) or (H, W, 3); empty if there is no room for it."""
        return self._picture(Image.fromarray(image), alt=alt)

    def file(self, path: Path, *, alt: str, most_side: int = _MOST_SIDE) -> str:
        """Return the picture in a file; empty if there is no room for it, or the file cannot be read."""
        try:
            if path.stat().st_size > _MOST_FILE_BYTES:
                raise ValueError
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path, formats=_FORMATS) as image:
                    image.thumbnail((most_side, most_side))
                    picture = image.convert("L" if image.mode in ("1", "L", "I;16") else "RGB")
        except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError,
                Image.DecompressionBombWarning):  # fmt: skip
            self.unreadable.append(path.name)
            return ""
        return self._picture(picture, alt=alt)

    def sound(self, wav: bytes, *, label: str) -> str:
        """Return a player of a WAV file; empty if there is no room for it."""
        address = self._address("audio/wav", wav)
        return (
            f'<audio controls preload="metadata" aria-label="{escape(label)}" src="{address}"></audio>'
            if address
            else ""
        )

    def _picture(self, image: Image.Image, *, alt: str) -> str:
        if max(image.size) > _MOST_SIDE:
            image.thumbnail((_MOST_SIDE, _MOST_SIDE))
        stream = io.BytesIO()
        is_exact = image.width * image.height <= _EXACT_PIXELS
        if is_exact:
            image.save(stream, "PNG", optimize=True)
        else:
            image.save(stream, "JPEG", quality=82)
        address = self._address("image/png" if is_exact else "image/jpeg", stream.getvalue())
        if not address:
            return ""
        kind = ' class="pixels"' if max(image.size) <= 64 else ""
        return f'<img{kind} alt="{escape(alt)}" width="{image.width}" height="{image.height}" src="{address}">'

    def _address(self, kind: str, content: bytes) -> str:
        """The content as an address, which takes 4 bytes for 3; empty if there is no room for it."""
        size = -(-len(content) // 3) * 4
        if size > self._left:
            self.num_left_out += 1
            return ""
        self._left -= size
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"
