"""Hostile files to upload, and hostile bodies as large as a server takes."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import wave
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
SIDES = ((65535, 65535), (13000, 13000), (5800, 5800), (1, 1 << 24), (0, 5), (1 << 31, 1))


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a part of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *, content: bytes, more: bytes = b"", depth: int = 8, colour: int = 0) -> bytes:
    """Return a PNG file. content: compressed pixels, or none. more: parts before them."""
    head = struct.pack(">IIBBBBB", width & 0xFFFFFFFF, height & 0xFFFFFFFF, depth, colour, 0, 0, 0)
    return PNG + chunk(b"IHDR", head) + more + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def wav(rate: int, *, channels: int = 1, bits: int = 16, kind: int = 1, size: int = 64, stated: int = 64) -> bytes:
    """Return a WAV file whose header may lie. stated: bytes of samples by the header."""
    frame = channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels & 0xFFFF, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits)
    content = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", stated) + b"\xff" * size
    return b"RIFF" + struct.pack("<I", len(content)) + content


@cache
def images() -> tuple[bytes, ...]:
    """Sound images, then ones that decode to very much, lie about their size, or are no images."""
    pixels = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    found = []
    for form in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, form)
        found.append(stream.getvalue())
    nothing = zlib.compress(bytes(13001 * 13000 // 8), 1)
    found += [png(*side, content=nothing, depth=1) for side in SIDES]
    found += [png(5700, 5700, content=zlib.compress(bytes(5701 * 5700), 1)), png(9, 9, content=b"")]
    text = zlib.compress(bytes(50_000_000), 1)
    found += [png(2, 2, content=zlib.compress(bytes(6)), more=chunk(b"iCCP", b"x\0\0" + text))]
    found += [png(2, 2, content=zlib.compress(bytes(6)), more=chunk(b"zTXt", b"x\0\0" + text))]
    found += [png(2, 2, content=zlib.compress(bytes(6)), depth=3), png(2, 2, content=zlib.compress(b""), colour=3)]
    found += [
        b"GIF89a\xff\xff\xff\xff\x00\x00\x00,\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;",
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 60, 0, 54, 40, 20000, -20000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"II*\0\x08\0\0\0\x01\0\0\x01\x04\0\x01\0\0\0\xff\xff\xff\xff\x08\0\0\0",
        b"P6 99999 99999 255\n",
        b"P5\n5 5\n0\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run",
    ]
    return tuple(found)


@cache
def sounds() -> tuple[bytes, ...]:
    """A sound WAV file, then ones whose headers lie, or are no audio."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(range(256)) * 20)
    rates = (0, 1, 2, 7, 44101, 655349, 2**31 - 1, 2**32 - 1)
    found = [stream.getvalue(), *(wav(rate) for rate in rates)]
    found += [wav(8000, channels=count) for count in (0, 255, 1024, 65535)]
    found += [wav(8000, bits=bits) for bits in (0, 1, 7, 24, 64, 255)]
    found += [wav(8000, kind=kind, bits=32) for kind in (0, 2, 3, 6, 7, 17, 49, 85, 0xFFFE)]
    found += [wav(8000, stated=stated) for stated in (0, 2**31, 2**32 - 1)]
    info = (8000 << 44 | 15 << 36 | (1 << 36) - 1).to_bytes(8, "big")
    found += [b"fLaC\x80\0\0\x22" + b"\x10\0\x10\0" + bytes(6) + info + bytes(16) + b"\xff\xf8\xc9\x08" * 9]
    found += [b"OggS" + bytes(60), b".snd" + struct.pack(">IIIII", 24, 2**32 - 1, 3, 8000, 65535) + bytes(64)]
    found += [
        b"FORM\xff\xff\xff\xffAIFFCOMM" + bytes(40),
        b"caff\0\1\0\0desc" + bytes(50),
        b"RIFF",
        b"ID3\x04" + bytes(90),
    ]
    return tuple(found)


OTHERS = (
    b"",
    b"\0",
    b"PK\x03\x04" + bytes(30),
    b"\x80\x04cos\nsystem\n.",
    b"\x1f\x8b\x08" + bytes(9),
    b"%PDF-1.7",
    b"MZ",
)


def hostile_file(source: random.Random) -> bytes:
    """Return a file of any kind, perhaps with bytes that are changed, or cut off."""
    content = source.choice((*images(), *sounds(), *OTHERS))
    action = source.randrange(4)
    if action == 0 and content:
        return content[: source.randrange(len(content))]
    if action == 1 and content:
        raw = bytearray(content)
        for _ in range(source.choice((1, 3, 30))):
            raw[source.randrange(min(len(raw), 300))] = source.randrange(256)
        return bytes(raw)
    return content


def large_bodies(valid: bytes) -> Iterator[tuple[str, bytes, str]]:
    """Yield what is tried, a body of up to 15 MiB, and its type. valid: a sound body of JSON."""
    kind = "application/json"
    size = 15 << 20
    text = "ab, " * (size // 4)
    yield "unknown keys", json.dumps({f"r{number}": 0 for number in range(size // 14)}).encode(), kind
    yield "one long text", json.dumps({"rows": [text]}).encode(), kind
    yield "one long word", b'{"rows": ["' + b"a" * size + b'"]}', kind
    yield "many texts", json.dumps({"rows": ["ab " * 5000] * 1000}).encode(), kind
    yield "escapes", b'{"rows": ["' + b"\\ud83d\\ude00" * (size // 12) + b'"]}', kind
    yield "a column of every name", json.dumps({"rows": [{f"c{n}": n for n in range(size // 18)}]}).encode(), kind
    yield "wide texts as numbers", json.dumps({"inputs": [["a" * 1_000_000] + ["b"] * 1_000_000]}).encode(), kind
    yield "many numbers", json.dumps({"inputs": [[1] * (size // 3)]}).encode(), kind
    yield "many lists", b'{"inputs": [' + b"[]," * (size // 3 - 9) + b"[]]}", kind
    yield "huge numbers", b'{"inputs": [[' + b",".join([b"9" * 4000] * (size // 4010)) + b"]]}", kind
    yield "opening brackets", b"[" * size, kind
    yield "opened and closed brackets", b'{"rows": ' + b"[" * 900 + b"]" * 900 + b"}", kind
    yield "a sound row, very often", valid[:-1] + b', "x": [' + b",".join([b"{}"] * (size // 3)) + b"]}", kind
    yield "white space", valid + b" " * (size - len(valid)), kind
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    form = "multipart/form-data; boundary=x"
    yield "parts of a form", part * (size // len(part)) + b"--x--\r\n", form
    yield "headers of a part", b"--x\r\n" + b"a: b\r\n" * (size // 6) + b"\r\n\r\n--x--\r\n", form
    yield (
        "one header of a part",
        b"--x\r\nContent-Disposition: " + b'a="\\' * (size // 4) + b"\r\n\r\n\r\n--x--\r\n",
        form,
    )
    yield "dashes", b"--x\r\n\r\n" + b"\r\n--" * (size // 4), form
    flat = png(5700, 5700, content=zlib.compress(bytes(5701 * 5700), 1))
    file = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + flat + b"\r\n"
    yield "images of nothing", file * min(1000, size // len(file)) + b"--x--\r\n", form
    encoded = base64.b64encode(flat).decode()
    yield "images of nothing, in JSON", json.dumps({"rows": [encoded] * min(1000, size // len(encoded))}).encode(), kind
