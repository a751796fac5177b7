"""Texts of mixed length: R8 from the folder DLRUN_R8, or random words with the lengths and frequencies of R8."""

from __future__ import annotations

import csv
import os
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.workload import Workload

MAX_LENGTH = 256
NUM_CLASSES = 8
_MEDIAN_LENGTH, _DEVIATION_OF_LOG = 66, 1.0  # of R8's training documents
_NUM_WORDS = 20_000


def texts(workload: Workload) -> tuple[list[str], list[str]]:
    """Return texts and their labels."""
    folder = os.environ.get("DLRUN_R8")
    if folder is None:
        return _random_texts(workload.rows)
    with (Path(folder) / "train.csv").open(newline="", encoding="utf-8") as file:
        rows = list(islice(csv.DictReader(file), workload.rows))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def _random_texts(rows: int) -> tuple[list[str], list[str]]:
    """Return texts whose words follow Zipf's law and whose lengths are log-normal."""
    random = np.random.default_rng(0)
    lengths = np.exp(random.normal(np.log(_MEDIAN_LENGTH), _DEVIATION_OF_LOG, rows)).round().clip(2, 964).astype(int)
    shares = 1 / np.arange(1, _NUM_WORDS + 1)
    words = [f"w{_letters(number)}" for number in range(_NUM_WORDS)]
    drawn = iter(random.choice(_NUM_WORDS, lengths.sum(), p=shares / shares.sum()).tolist())
    found = [" ".join(words[number] for number in islice(drawn, length)) for length in lengths.tolist()]
    return found, [f"class{number % NUM_CLASSES}" for number in range(rows)]


def _letters(number: int) -> str:
    """Return a number as letters, so that a tokenizer reads one word."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def encode(found: list[str], labels: list[str]) -> tuple[list[list[int]], list[int], int]:
    """Return texts as word ids, truncated to MAX_LENGTH, labels as ids, and the vocabulary's size.

    As in dlrun, 0 is padding and 1 is the unknown word.
    """
    split = [text.split() for text in found]
    ordered = [word for word, _ in Counter(word for text in split for word in text).most_common()]
    vocabulary = {word: number for number, word in enumerate(ordered, start=2)}
    classes = {name: number for number, name in enumerate(sorted(set(labels)))}
    coded = [[vocabulary[word] for word in text[:MAX_LENGTH]] for text in split]
    return coded, [classes[name] for name in labels], len(vocabulary) + 2
