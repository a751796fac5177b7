"""Every kind of data is prepared once: a second run reads the cache of the first, and trains the same weights."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dlrun.data.files import cache

Dlrun = Callable[..., tuple[int, str, str]]
COMMON = ("trainer.max_steps=3", "device.threads=1", "device=cpu", "--quiet")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_WORTH_S", 0)


def texts(folder: Path) -> tuple[str, ...]:
    rows = "".join(f"a text about {'cats' if i % 2 else 'dogs'} and number {i},{'cd'[i % 2]}\n" for i in range(60))
    (folder / "rows.csv").write_text(f"text,label\n{rows}")
    return ("dataset=text", f"dataset.path={folder}/rows.csv", "model=rnn", "dataset.tokenizer=subword",
            "dataset.max_vocabulary=300")  # fmt: skip


def language(folder: Path) -> tuple[str, ...]:
    (folder / "rows.txt").write_text("the 1st cat sat on the mat\n" * 40)
    return ("dataset=text", "dataset.task=language", f"dataset.path={folder}/rows.txt", "dataset.context=8",
            "model=rnn")  # fmt: skip


def series(folder: Path) -> tuple[str, ...]:
    (folder / "rows.csv").write_text("t,x\n" + "".join(f"{i},{i % 7}\n" for i in range(200)))
    return ("dataset=series", f"dataset.path={folder}/rows.csv", "dataset.time=t", "dataset.window=8", "model=rnn")


def pictures(folder: Path) -> tuple[str, ...]:
    for name, level in (("dark", 40), ("light", 200)):
        (folder / "rows" / name).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (8, 8), (level, number, 90)).save(folder / "rows" / name / f"{number}.png")
    return ("dataset=image_folder", f"dataset.path={folder}/rows", "model=linear", "dataset.val=null")


def sounds(folder: Path) -> tuple[str, ...]:
    for name, hertz in (("low", 200), ("high", 900)):
        (folder / "rows" / name).mkdir(parents=True)
        for number in range(10):
            tone = np.sin(np.arange(2000) * 2 * np.pi * (hertz + number) / 8000)
            with wave.open(str(folder / "rows" / name / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes((tone * 9999).astype("<i2").tobytes())
    return ("dataset=audio_folder", f"dataset.path={folder}/rows", "dataset.sample_rate=8000", "dataset.seconds=0.25",
            "dataset.mels=16", "model=linear")  # fmt: skip


def ratings(folder: Path) -> tuple[str, ...]:
    rows = "".join(f"u{i % 9},i{i % 7},{i % 5}\n" for i in range(90))
    (folder / "rows.csv").write_text(f"user,item,rating\n{rows}")
    return ("dataset=interactions", f"dataset.path={folder}/rows.csv", "model=factorization")


KINDS: dict[str, tuple[Callable[[Path], tuple[str, ...]], str, str]] = {
    "text": (texts, "dlrun.data.texts.classification._prepared", "dataset.split_seed=1"),
    "language": (language, "dlrun.data.texts.language._prepared", "dataset.val_fraction=0.2"),
    "series": (series, "dlrun.data.tables.series._read", "dataset.target=t"),
    "pictures": (pictures, "dlrun.data.media.reader.read_all", "dataset.size=6"),
    "sounds": (sounds, "dlrun.data.media.reader.read_all", "dataset.mels=12"),
    "interactions": (ratings, "dlrun.data.tables.judging.read_rows", "dataset.on_bad_row=skip"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_run_reads_what_the_first_cached(
    kind: str, tmp_path: Path, dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, maker, other_setting = KINDS[kind]
    module, _, name = maker.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)
    made: list[int] = []

    def counted(*given: Any, **fields: Any) -> Any:
        made.append(1)
        return real(*given, **fields)

    monkeypatch.setattr(maker, counted)
    words = write(tmp_path)
    weights = []
    for number, extra in enumerate(((), (), (other_setting,))):
        before = len(made)
        code, _, err = dlrun(*words, *COMMON, *extra, f"hydra.run.dir=run{number}")
        assert code == 0, err
        weights.append(Path(f"run{number}/checkpoints/step-3/model.safetensors").read_bytes())
        assert (len(made) > before) == (number != 1), f"run {number}"
    assert weights[0] == weights[1]

    kept = {path: path.read_bytes() for path in cache.folder().glob("*.safetensors")}
    for path in kept:
        path.write_bytes(b"damaged")
    before = len(made)
    code, _, err = dlrun(*words, *COMMON, "hydra.run.dir=run3")
    assert code == 0, err
    assert len(made) > before
    assert Path("run3/checkpoints/step-3/model.safetensors").read_bytes() == weights[0]

    changed = sorted(path for path in tmp_path.glob("rows*") if path.is_file())
    for path in changed or sorted((tmp_path / "rows").glob("*/1.*")):
        path.write_bytes(path.read_bytes().replace(b"1", b"2") if changed else path.with_stem("2").read_bytes())
    before = len(made)
    code, _, err = dlrun(*words, *COMMON, "hydra.run.dir=run4", *(["dataset.time=null"] if kind == "series" else []))
    assert code == 0, err
    assert len(made) > before, "another content is another entry"


def test_an_image_that_changes_after_the_survey_is_reported_with_the_cache_too(
    tmp_path: Path, dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlrun.data.media import reader as file_reader

    words = pictures(tmp_path)
    assert dlrun(*words, *COMMON, "hydra.run.dir=first")[0] == 0
    real = file_reader.cached

    def changed_meanwhile(*given: Any) -> Any:
        Image.new("RGB", (8, 8)).save(tmp_path / "rows/dark/3.png")
        return real(*given)

    monkeypatch.setattr(file_reader, "cached", changed_meanwhile)
    code, _, err = dlrun(*words, *COMMON, "hydra.run.dir=second")
    assert code == 3
    assert "dark/3.png: changed while the run was reading it; start a new run once the file is complete." in err
