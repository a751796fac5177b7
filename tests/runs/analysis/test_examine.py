"""A run of each kind of data, trained for a moment and examined."""

from __future__ import annotations

import json
import math
import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from dlrun.cli.saved_run import compose_run
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.spec import DataSpec, Scaling
from dlrun.runs.analysis import examine as module
from dlrun.runs.analysis.examine import examine_run
from dlrun.runs.analysis.reports import Examined
from dlrun.runs.loaded_run import LoadedRun
from dlrun.tasks.gan import GanTask
from dlrun.tasks.task import Task

Train = Callable[..., Path]
EVIL = "<img src=x onerror=alert(1)>"


def examine(folder: Path, *overrides: str, split: str | None = None, with_rows: bool = True) -> Examined:
    catalog = Catalog()
    config = compose_run(folder, overrides, catalog).config
    return examine_run(config, catalog, folder, split=split, with_rows=with_rows)


def metrics(folder: Path) -> dict[str, float]:
    result: dict[str, dict[str, float]] = json.loads((folder / "result.json").read_text())
    return result["metrics"]


def test_classes_are_those_of_the_result(short_run: Train) -> None:
    run = short_run("run")
    found = examine(run)
    (report,) = found.classes
    assert (found.split, found.num_rows, found.describes) == ("test", 30, "4 features, 3 classes")
    assert 1 - report.num_wrong / 30 == pytest.approx(metrics(run)["test/accuracy"])
    assert report.figures == json.loads((run / "result.json").read_text())["per_class"]["test"]
    assert len(report.mistakes) == min(report.num_wrong, 16) > 0
    original = report.mistakes[0].original
    assert original is not None
    assert list(original.cells) == ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]
    assert found.class_counts == {"setosa": 36, "versicolor": 36, "virginica": 36}
    assert found.missing == []


def test_another_split_and_no_rows(short_run: Train) -> None:
    run = short_run("run")
    found = examine(run, split="val", with_rows=False)
    assert (found.split, found.num_rows) == ("val", 12)
    assert found.classes[0].mistakes == []
    assert found.notices == ["rows of the data are left out, as asked for (--no-rows)"]


def test_a_table_with_several_targets(short_run: Train) -> None:
    rows = "".join(f"p{n},{n % 7},{'<b>' if n % 3 else 'x'},{n / 2}\n" for n in range(80))
    Path("a.csv").write_text(f"id,{EVIL},kind,price\n{rows}")
    run = short_run("run", "dataset=table", "dataset.path=a.csv", "dataset.target=[kind,price]")
    found = examine(run)
    assert [report.name for report in found.classes] == ["kind"]
    assert [report.name for report in found.numbers] == ["price"]
    assert found.columns == {EVIL: "number"}
    mistake = found.mistakes[0]
    assert mistake.original is not None
    assert list(mistake.original.cells) == [EVIL]
    number = int(mistake.original.place.removeprefix("row ").removesuffix(" of a.csv"))
    assert float(mistake.truth) == (number - 1) / 2
    report = found.numbers[0]
    rmse = float(np.sqrt(np.square(report.predicted - report.truth).mean()))
    assert rmse == pytest.approx(metrics(run)["test/rmse_price"], rel=1e-5)


def test_texts(short_run: Train) -> None:
    texts = "".join(f'"{EVIL} number {n}",{"good" if n % 2 else "bad"}\n' for n in range(60))
    Path("a.csv").write_text(f"text,label\n{texts}")
    run = short_run("run", "dataset=text", "dataset.path=a.csv", "model=rnn", "model.hidden=4", "model.embedding=4")
    (report,) = examine(run).classes
    for mistake in report.mistakes:
        assert mistake.original is not None
        assert mistake.original.text is not None
        number = int(mistake.original.text.rpartition(" ")[2])
        assert mistake.original.place == f"row {number + 1} of a.csv"
        assert mistake.truth == ("good" if number % 2 else "bad")
    assert report.mistakes


def test_images_are_their_files(short_run: Train) -> None:
    source = np.random.default_rng(0)
    for label in ("<b>", "dog"):
        (Path("images") / label).mkdir(parents=True)
        for number in range(16):
            pixels = source.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(Path("images") / label / f"{number}.png")
    run = short_run("run", "dataset=image_folder", "dataset.path=images", "model=linear")
    (report,) = examine(run, split="train").classes
    for mistake in report.mistakes:
        assert mistake.original is not None
        assert mistake.original.image is not None
        assert mistake.original.image.parent.name == mistake.truth
        with Image.open(mistake.original.image) as image:
            assert np.array_equal(np.asarray(image), mistake.pixels)
    shutil.rmtree("images")
    (why,) = examine(run).missing
    assert why.startswith("what the model predicts: ")
    assert "images" in why


def test_sounds_can_be_heard(short_run: Train) -> None:
    pytest.importorskip("soundfile")
    for label, pitch in (("low", 200), ("high", 900)):
        (Path("sounds") / label).mkdir(parents=True)
        for number in range(12):
            seconds = torch.arange(1600) / 8000
            samples = ((seconds * (pitch + number) * 2 * math.pi).sin() * 9000).to(torch.int16)
            with wave.open(str(Path("sounds") / label / f"{number}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(samples.numpy().tobytes())
    settings = ("dataset.sample_rate=8000", "dataset.seconds=0.1", "dataset.mels=8", "model=linear")
    run = short_run("run", "dataset=audio_folder", "dataset.path=sounds", *settings, "trainer.epochs=1")
    found = examine(run, split="train")
    assert found.describes == "sounds as 11 frames of 8 mel bands, 2 classes"
    for mistake in found.classes[0].mistakes:
        assert mistake.original is not None
        assert mistake.original.sound is not None
        assert len(mistake.original.sound) == 44 + 2 * 800  # a header and 0.1 s of 16 bits
        assert mistake.pixels is not None
        assert mistake.pixels.shape == (8, 11)


def test_a_forecast(short_run: Train) -> None:
    Path("a.csv").write_text("day,load\n" + "".join(f"{n},{math.sin(n / 4) * 10:.4f}\n" for n in range(120)))
    words = ("dataset=series", "dataset.path=a.csv", "dataset.time=day", "dataset.window=6", "dataset.horizon=2")
    run = short_run("run", *words)
    found = examine(run)
    (report,) = found.numbers
    assert (report.name, report.truth.shape[1], report.is_forecast) == ("load", 2, True)
    (window,) = found.mistakes[0].windows
    assert (len(window.past), len(window.truth), len(window.predicted)) == (6, 2, 2)
    step = next(n for n in range(120) if abs(math.sin(n / 4) * 10 - window.past[0]) < 1e-3)
    assert window.truth[0] == pytest.approx(math.sin((step + 6) / 4) * 10, abs=1e-3)


def test_ratings_have_user_and_item(short_run: Train) -> None:
    rows = "".join(f"u{n % 5},i{n % 7},{1 + n % 4}\n" for n in range(70))
    Path("a.csv").write_text(f"user,item,rating\n{rows}")
    run = short_run("run", "dataset=interactions", "dataset.path=a.csv", "model=factorization")
    found = examine(run)
    assert [report.name for report in found.numbers] == ["rating"]
    assert found.mistakes[0].original is not None
    assert list(found.mistakes[0].original.cells) == ["user", "item"]


def test_a_language_model(short_run: Train) -> None:
    Path("a.txt").write_text("the cat sat on the mat. " * 60)
    words = ("dataset=text", "dataset.path=a.txt", "dataset.task=language", "dataset.context=16")
    run = short_run("run", *words, "model=rnn", "model.hidden=4", "model.embedding=4")
    found = examine(run)
    assert found.tokens is not None
    assert np.mean(found.tokens.by_position) == pytest.approx(math.log(metrics(run)["test/perplexity"]), rel=1e-4)
    assert [len(sample.prompt) for sample in found.samples] == [8] * len(found.samples)
    assert all(len(sample.text) == 150 for sample in found.samples)
    Path("a.txt").unlink()
    without = examine(run)
    assert len(without.samples) == 1
    assert "a.txt" in without.missing[0]


def loaded(task: Task) -> LoadedRun:
    spec = DataSpec("image", (1, 8, 8), "multiclass", 10)
    return LoadedRun(None, None, spec, task, None, 1, "")  # type: ignore[arg-type]


def test_a_gan_needs_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    scaling = Scaling((0.0,), (1.0,), 0.0, 1.0)
    task = GanTask(
        nn.Linear(1, 1), nn.Linear(1, 1), scaling=scaling, latent_dim=1, objective="hinge", optimizer_overrides={}
    )
    monkeypatch.setattr(module, "load_run", lambda *_: loaded(task))
    found = examine_run(None, Catalog(), Path())  # type: ignore[arg-type]
    assert (found.is_generator, found.classes, found.missing) == (True, [], [])


def test_a_task_of_a_plugin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(Task):
        param_groups = train_step = evaluation = None  # type: ignore[assignment]

    monkeypatch.setattr(module, "load_run", lambda *_: loaded(Own()))
    found = examine_run(None, Catalog(), Path())  # type: ignore[arg-type]
    assert found.missing == ["what the model predicts: its task is not dlrun's own"]


def test_other_data_is_refused(short_run: Train) -> None:
    Path("a.csv").write_text("x,y\n" + "".join(f"{n},{n * 2}\n" for n in range(50)))
    run = short_run("run", "dataset=table", "dataset.path=a.csv", "dataset.target=y")
    Path("a.csv").write_text("x,y\n" + "".join(f"{n},{n * 3}\n" for n in range(50)))
    assert examine(run).missing == [
        "what the model predicts: the data is not what this run was trained on (its fingerprint differs)."
    ]


def test_a_run_without_a_checkpoint(short_run: Train) -> None:
    run = short_run("run")
    shutil.rmtree(run / "checkpoints")
    (why,) = examine(run).missing
    assert why.startswith("what the model predicts: ")


def test_too_little_memory_is_told(short_run: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    run = short_run("run")
    monkeypatch.setattr(module.ClassObserver, "add", fail)
    (why,) = examine(run).missing
    assert "trainer.eval_batch_size" in why


def test_an_unknown_split_is_told(short_run: Train) -> None:
    run = short_run("run", "dataset.test_fraction=0")
    assert examine(run).split == "val"
    (why,) = examine(run, split="test").missing
    assert 'There is no split "test" with rows; this run has train, val.' in why


def test_another_error_of_the_model_is_not_hidden(short_run: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake")

    run = short_run("run")
    monkeypatch.setattr(module.ClassObserver, "add", fail)
    with pytest.raises(RuntimeError, match="a mistake"):
        examine(run)
