"""Small seeded data in the formats of the datasets that have to be downloaded: MNIST, CIFAR-10 and R8."""

from __future__ import annotations

import gzip
import random
import struct
from pathlib import Path

R8_CLASSES = 8
_WORDS = ("oil", "bank", "shares", "grain", "ship", "rate", "crude", "profit", "dollar", "wheat", "port", "loan")


def data_for(recipe: str, folder: Path, *, rows: int = 120) -> tuple[str, ...]:
    """Write the data that a shipped recipe needs into a folder; return the overrides that name it.

    rows: training rows, at least 100. Recipes whose data dlrun contains need no data and no overrides.
    """
    if recipe.endswith("_mnist"):
        write_mnist(folder, rows=rows)
    elif "cifar10" in recipe:
        write_cifar10(folder, rows=rows)
    elif recipe.endswith("_r8"):
        write_r8(folder, rows=rows)
        return (f"dataset.path={folder}/train.csv", f"dataset.test={folder}/test.csv")
    else:
        return ()
    return (f"dataset.root={folder}", "dataset.download=false")


def write_mnist(folder: Path, *, rows: int) -> None:
    """Write random 28x28 images and labels as the four files of MNIST, two of them compressed; 100 test rows."""
    source = random.Random(0)
    for which, count in (("train", rows), ("t10k", 100)):
        head = struct.pack(">IIII", 2051, count, 28, 28)
        images = gzip.compress(head + source.randbytes(count * 28 * 28), mtime=0)
        (folder / f"{which}-images-idx3-ubyte.gz").write_bytes(images)
        labels = bytes(i % 10 for i in range(count))
        (folder / f"{which}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, count) + labels)


def write_cifar10(folder: Path, *, rows: int) -> None:
    """Write random 32x32 colour images and labels as the six binary files of CIFAR-10; a fifth as many test rows."""
    source = random.Random(0)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        content = b"".join(bytes([i % 10]) + source.randbytes(3 * 32 * 32) for i in range(rows // 5))
        (folder / f"{name}.bin").write_bytes(content)


def write_r8(folder: Path, *, rows: int) -> None:
    """Write random texts of eight classes as train.csv and test.csv; as many test rows."""
    source = random.Random(0)
    for which in ("train", "test"):
        lines = [f"class{i % R8_CLASSES},{' '.join(source.choices(_WORDS, k=3 + i % 20))}\n" for i in range(rows)]
        (folder / f"{which}.csv").write_text(f"label,text\n{''.join(lines)}", encoding="utf-8")
