"""Image and audio files for tests, good and bad."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image


def make_images(
    folder: Path, *, classes: tuple[str, ...] = ("cat", "dog", "owl"), each: int = 4, side: int = 8
) -> Path:
    """Write a folder of images for each class; those of class c are mostly of colour c."""
    draws = np.random.default_rng(1)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(each):
            pixels = draws.integers(0, 90, (side, side, 3), dtype=np.uint8)
            pixels[..., number % 3] += 120
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")
    return folder


def encoded(image: Image.Image, form: str = "PNG", **fields: Any) -> bytes:
    """The bytes of an image file."""
    stream = io.BytesIO()
    image.save(stream, form, **fields)
    return stream.getvalue()


def jpeg(side: int = 64) -> bytes:
    """A JPEG of random colours."""
    pixels = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), "JPEG")


def png_of(width: int, height: int) -> bytes:
    """A small PNG whose header promises many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tone(hertz: float, *, rate: int, seconds: float = 0.3) -> np.ndarray[Any, Any]:
    """A sine, (T,) in -0.5..0.5."""
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def write_wav(path: Path, samples: np.ndarray[Any, Any], rate: int) -> None:
    """WAV of 16 bits; samples: (T,) or (T, channels) in -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def wav_of(samples: int = 800) -> bytes:
    """A WAV of silence, 8000 Hz."""
    head = b"RIFF" + (36 + 2 * samples).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    form = b"\1\0\1\0" + (8000).to_bytes(4, "little") + (16000).to_bytes(4, "little") + b"\2\0\x10\0"
    return head + form + b"data" + (2 * samples).to_bytes(4, "little") + bytes(2 * samples)


def make_audio(folder: Path, *, each: int = 4) -> Path:
    """Write high and low tones at several rates, with one and two channels, as WAV and FLAC."""
    draws = np.random.default_rng(2)
    for name, hertz in (("high", 1500), ("low", 300)):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            rate = (8000, 11025, 16000)[number % 3]
            samples = tone(hertz * draws.uniform(0.8, 1.2), rate=rate)
            if number % 2:
                soundfile.write(folder / name / f"{number:02d}.flac", np.stack([samples, samples], axis=1), rate)
            else:
                write_wav(folder / name / f"{number:02d}.wav", samples, rate)
    return folder
