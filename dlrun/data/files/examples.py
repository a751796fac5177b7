"""Small datasets that dlrun generates as files: `dataset.path=example:NAME`, to try a kind of data."""

from __future__ import annotations

import os
import shutil
import wave
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from dlrun.configuration.cache_folder import cache_folder
from dlrun.data.files.paths import refuse_no_data
from dlrun.errors import DataError, StorageError, did_you_mean
from dlrun.wording import printable

_PREFIX = "example:"
_VERSION = 1  # raised when an example's files change
_IMAGES_EACH = 150  # of a shape
_WORDS_EACH = 80  # recordings of a word


def resolve(path: str) -> str:
    """Return a path unchanged, or for `example:NAME` the folder of that example, which the first call writes.

    Raises DataError if there is no such example and StorageError if it cannot be written.
    """
    refuse_no_data(path)
    if not path.startswith(_PREFIX):
        return path
    name = path.removeprefix(_PREFIX)
    if name not in EXAMPLES:
        raise DataError(f"{printable(path)}: there is no such example. {did_you_mean(name, EXAMPLES, prefix=_PREFIX)}")
    folder = cache_folder() / "examples" / f"{name}-{_VERSION}"
    if folder.exists():
        return str(folder)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        EXAMPLES[name](part)
        try:
            part.rename(folder)
        except OSError:
            if not folder.exists():  # else another run was first, with the same files
                raise
    except OSError as error:
        raise StorageError(f"{folder}: could not be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return str(folder)


def _shapes(folder: Path) -> None:
    """Write circles, crosses, squares and triangles of random colours and positions, PNG of 32x32 pixels."""
    draws = np.random.default_rng(0)
    for shape in ("circle", "cross", "square", "triangle"):
        (folder / shape).mkdir()
        for number in range(_IMAGES_EACH):
            back, front = (tuple(int(value) for value in draws.integers(*span, 3)) for span in ((0, 110), (130, 256)))
            image = Image.new("RGB", (32, 32), back)
            size = int(draws.integers(12, 22))
            x, y = (int(value) for value in draws.integers(2, 30 - size, 2))
            _draw(ImageDraw.Draw(image), shape, x, y, size, front)
            noise = draws.normal(0, 12, (32, 32, 3))
            pixels = (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / shape / f"{number:03d}.png")


def _draw(draw: ImageDraw.ImageDraw, shape: str, x: int, y: int, size: int, colour: tuple[int, ...]) -> None:
    right, bottom, third = x + size, y + size, size // 3
    if shape == "circle":
        draw.ellipse((x, y, right, bottom), fill=colour)
    elif shape == "square":
        draw.rectangle((x, y, right, bottom), fill=colour)
    elif shape == "triangle":
        draw.polygon([(x, bottom), (right, bottom), (x + size // 2, y)], fill=colour)
    else:
        draw.rectangle((x + third, y, right - third, bottom), fill=colour)
        draw.rectangle((x, y + third, right, bottom - third), fill=colour)


_VOWELS = {"a": (730, 1090), "e": (530, 1840), "i": (270, 2290), "o": (570, 840)}  # formants, Peterson and Barney 1952
_WORDS = ("ai", "ia", "oe", "eo", "aa")


def _tones(folder: Path) -> None:
    """Write five synthetic words of two vowels in voices of random pitch and loudness, WAV of 0.4 to 0.7 s."""
    draws = np.random.default_rng(0)
    for word in _WORDS:
        (folder / word).mkdir()
        for number in range(_WORDS_EACH):
            rate = int(draws.choice([8000, 11025, 16000]))
            time = np.arange(int(rate * draws.uniform(0.4, 0.7))) / rate
            path = np.linspace(0, 1, len(time))
            mix = 1 / (1 + np.exp(-(path - draws.uniform(0.4, 0.6)) * 20))  # from the first vowel to the second
            first, second = (np.array(_VOWELS[vowel]) * draws.uniform(0.92, 1.08) for vowel in word)
            formants = first[:, None] * (1 - mix) + second[:, None] * mix  # (2, T)
            pitch = draws.uniform(90, 220) * (1 + 0.05 * np.sin(2 * np.pi * draws.uniform(3, 6) * time))
            phase = 2 * np.pi * np.cumsum(pitch) / rate
            voice = np.zeros(len(time))
            for harmonic in range(1, 26):
                hertz = harmonic * pitch
                gain = sum(np.exp(-(((hertz - formant) / 120) ** 2)) for formant in formants) + 0.02
                voice += np.where(hertz < rate * 0.48, gain, 0) * np.sin(harmonic * phase)
            voice *= np.sin(np.pi * path) ** 0.5
            voice = voice / np.abs(voice).max() * draws.uniform(0.2, 0.8) + draws.normal(0, 0.01, len(time))
            samples = (voice.clip(-1, 1) * 32767).astype("<i2")
            with wave.open(str(folder / word / f"{number:03d}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(rate)
                file.writeframes(samples.tobytes())


EXAMPLES: Mapping[str, Callable[[Path], None]] = {"shapes": _shapes, "tones": _tones}
