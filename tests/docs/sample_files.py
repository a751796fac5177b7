"""Small files under the names that the pages' commands use: FILE.csv, IMAGES, AUDIO and so on."""

from __future__ import annotations

import math
import random
import wave
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

_WORDS = ("red", "green", "blue", "small", "large", "old", "new", "fast", "slow", "bright")


def write_sample_files(folder: Path) -> None:
    """Write every file that a command of the pages reads into `folder`."""
    draw = random.Random(0)
    _write_tables(folder, draw)
    for name in ("IMAGES", "IMAGES_VAL", "IMAGES_TEST"):
        _write_images(folder / name, draw)
    _write_audio(folder / "AUDIO")
    _write_arrays(folder)


def _write_tables(folder: Path, draw: random.Random) -> None:
    head = "text,label,COLUMN,day,age,plan,user,item,rating\n"
    rows = [
        f"{' '.join(draw.choices(_WORDS, k=9))},{('good', 'bad')[i % 2]},{10 + 5 * math.sin(i / 9):.3f},"
        f"{date(2024, 1, 1) + timedelta(days=i)},{20 + i % 50},{('free', 'paid')[i % 2]},u{i % 20},i{i % 30},"
        f"{1 + i % 5}\n"
        for i in range(450)
    ]
    for name in ("FILE.csv", "VAL.csv", "TEST.csv", "NEW.csv"):
        (folder / name).write_text(head + "".join(rows))
    (folder / "BAD.csv").write_text("text,label\nall is well,good\n,bad\n")
    (folder / "FILE.txt").write_text(" ".join(draw.choices(_WORDS, k=900)))
    (folder / "USERS.csv").write_text("user\nu1\nu2\n")
    (folder / "PAIRS.csv").write_text("user,item\nu1,i3\nu2,i4\n")
    (folder / "R8").mkdir()
    texts = "".join(f"class{i % 8},a text of {i} words\n" for i in range(80))
    for name in ("train.csv", "test.csv"):
        (folder / "R8" / name).write_text(f"label,text\n{texts}")


def _write_images(folder: Path, draw: random.Random) -> None:
    listed = ["path,label"]
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng(draw.randrange(10**9)).integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
            listed.append(f"{label}/{number}.png,{label}")
    (folder / "list.csv").write_text("\n".join(listed))


def _write_audio(folder: Path) -> None:
    for label, pitch in (("low", 300), ("high", 900)):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            with wave.open(str(folder / label / f"{number}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                tone = np.sin(np.arange(4000) * 2 * math.pi * (pitch + 20 * number) / 8000)
                file.writeframes((tone * 20000).astype("<i2").tobytes())


def _write_arrays(folder: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, classes = torch.randn(60, 5, generator=generator), torch.arange(60) % 3
    images = torch.randn(60, 1, 8, 8, generator=generator)
    np.savez(folder / "FILE.npz", inputs=rows.numpy(), targets=classes.numpy())
    np.save(folder / "x.npy", rows.numpy())
    np.save(folder / "y.npy", classes.numpy())
    np.save(folder / "NEW.npy", rows[:4].numpy())
    save_file({"x": images, "y": classes}, folder / "FILE.safetensors")
