"""Tiny runs of every kind of model and data, each trained once for the tests of this folder."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import random
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlrun.cli.main import main
from dlrun.cli.saved_run import compose_run
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.loaded_run import LoadedRun, load_run

TINY = ("trainer.max_steps=3", "dataset.baselines=false", "device=cpu", "device.threads=1", "--quiet")
WORDS = ["good", "bad", "fine", "poor", "great", "awful", "nice", "ugly", "so", "very", "not"]
TEXT = "dataset=text dataset.path={data}/texts.csv"
RNN = f"{TEXT} model=rnn model.hidden=4 model.embedding=4"
LANGUAGE = "dataset=text dataset.task=language dataset.path={data}/text.txt dataset.context=12"
TABLE = "dataset=table dataset.path={data}/table.csv"
TRANSFORMER = "model=transformer model.width=8 model.heads=2 model.layers=1 model.feedforward=8"
RUNS = {
    "linear": "dataset=iris model=linear",
    "cnn": "dataset=digits dataset.limit=80 model=cnn model.channels=[4] dataset.pad=1",
    "resnet": "dataset=digits dataset.limit=80 model=resnet model.blocks=[1] model.channels=[4]",
    "rows": "dataset=digits dataset.limit=80 model=rnn model.hidden=4",
    "last": f"{RNN} model.pool=last model.cell=gru model.bidirectional=true",
    "mean": f"{RNN} model.pool=mean model.cell=lstm",
    "max": f"{RNN} model.pool=max model.cell=rnn model.bidirectional=true",
    "attention": f"{RNN} model.pool=attention model.cell=lstm model.layers=2",
    "text": f"{TEXT} model=text model.embedding=4 model.filters=4 model.pairs=64",
    "transformer": f"{TEXT} {TRANSFORMER}",
    "language_rnn": f"{LANGUAGE} model=rnn model.hidden=4 model.embedding=4",
    "language": f"{LANGUAGE} {TRANSFORMER}",
    "forecast": "dataset=series dataset.path={data}/series.csv dataset.time=t model=forecast dataset.horizon=2",
    "tabular": f"{TABLE} dataset.target=price model=tabular model.members=2 model.hidden=[4] dataset.categories=embed",
    "mixed": f"{TABLE} dataset.target=colour model=mlp model.hidden=[4] dataset.columns={{{{note:text,pic:image}}}} "
    "dataset.image_size=8 dataset.categories=one_hot",
    "several": f"{TABLE} dataset.target=[price,colour] model=mlp model.hidden=[4]",
    "ratings": "dataset=interactions dataset.path={data}/ratings.csv model=factorization",
    "arrays": "dataset=arrays dataset.path={data}/x.npy dataset.targets=targets.npy model=rnn model.hidden=4",
    "images": "dataset=image_folder dataset.path={data}/images model=linear",
    "gan": "dataset=digits dataset.limit=80 model=gan model.hidden=[8] model.latent_dim=4 model.architecture=dense",
}
"""The overrides of each run."""

Train = Callable[[str], Path]
Load = Callable[[str], LoadedRun]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small files of every kind."""
    folder = tmp_path_factory.mktemp("data")
    source, numbers = random.Random(0), np.random.default_rng(0)
    for label in ("cat", "dog"):
        (folder / "images" / label).mkdir(parents=True)
        (folder / "sounds" / label).mkdir(parents=True)
        for number in range(8):
            pixels = numbers.integers(0, 256, (9, 10, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / label / f"{number}.png")
            write_sound(folder / "sounds" / label / f"{number}.wav", 300 if label == "cat" else 900, seed=number)
    texts = [[("pos", "neg")[i % 2], " ".join(source.choices(WORDS, k=1 + i % 9))] for i in range(60)]
    _write(folder / "texts.csv", ["label", "text"], texts)
    rows = [
        [
            "" if i % 7 == 0 else source.randint(1, 80),
            source.choice(["male", "female", ""]),
            f"2024-0{1 + i % 9}-1{i % 9}",
            " ".join(source.choices(WORDS, k=3)) if i % 5 else "",
            f"images/cat/{i % 8}.png" if i % 6 else "",
            ("yes", "no")[i % 2],
            f"{1000 + i * 3.5:.2f}",
            source.choice(["red", "green", "blue"]),
        ]
        for i in range(80)
    ]
    _write(folder / "table.csv", ["age", "sex", "when", "note", "pic", "fit", "price", "colour"], rows)
    points = [[i, f"{math.sin(i / 5) * 10 + 50:.4f}", f"{i * 0.1:.3f}"] for i in range(120)]
    _write(folder / "series.csv", ["t", "a", "b"], points)
    ratings = [[f"u{source.randint(1, 9)}", f"i{source.randint(1, 9)}", source.randint(1, 5)] for _ in range(90)]
    _write(folder / "ratings.csv", ["user", "item", "rating"], ratings)
    (folder / "text.txt").write_text("\n".join(" ".join(source.choices(WORDS, k=8)) for _ in range(60)))
    np.save(folder / "x.npy", numbers.normal(size=(40, 5, 3)).astype("float32"))
    np.save(folder / "targets.npy", np.arange(40) % 2)
    return folder


def write_sound(path: Path, hertz: float, *, seed: int) -> None:
    """Write a third of a second of a tone with noise, 16 bits at 8 kHz."""
    times = np.arange(2400) / 8000
    samples = np.sin(2 * np.pi * hertz * times) * 0.5 + np.random.default_rng(seed).normal(0, 0.05, len(times))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((samples * 32000).clip(-32768, 32767).astype("<i2").tobytes())


def _write(path: Path, head: list[str], rows: list[list[object]] | list[list[str]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        writer.writerows(rows)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Train:
    """Return a function that trains a run of `RUNS`, or returns it if it is trained."""
    folder = tmp_path_factory.mktemp("runs")

    def train(name: str) -> Path:
        if not (folder / name).exists():
            words = RUNS[name].format(data=data).split()
            with contextlib.redirect_stdout(io.StringIO()):
                assert main([*words, *TINY, f"hydra.run.dir={folder / name}"]) == 0
        return folder / name

    return train


@pytest.fixture(scope="session")
def loaded(trained: Train) -> Load:
    """Return a function that loads a run of `RUNS` on the CPU."""

    def load(name: str) -> LoadedRun:
        folder, catalog = trained(name), Catalog()
        return load_run(compose_run(folder, (), catalog).config, catalog, folder)

    return load
