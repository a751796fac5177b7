"""`dataset=audio_folder`: audio files to log-mel features, bad files, and a run's whole life."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from dlrun.data.source import Source
from dlrun.errors import ConfigError, DataError
from dlrun.options.datasets.audio_folder import audio_folder
from tests.data.media.samples import make_audio, wav_of
from tests.kill_and_resume import kill_and_resume, predictions, restored

FIELDS = {"val": None, "test": None, "target": "label", "sample_rate": 8000, "seconds": 0.25, "mels": 20}
FRAMES = {"window_ms": 25.0, "hop_ms": 10.0, "in_memory": "auto", "on_bad_row": "stop"}


def read(path: Path | str, **fields: Any) -> Source:
    return audio_folder(path=str(path), **{"task": "classification", **FIELDS, **FRAMES, **fields})


def refused(path: Path | str, **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **fields)
    return str(caught.value)


def test_audio_files_become_frames_by_bands(tmp_path: Path) -> None:
    source = read(make_audio(tmp_path / "data"))
    assert isinstance(source.train.inputs, torch.Tensor)
    assert source.train.inputs.shape == (8, 1, 26, 20)  # 0.25 s at a frame each 10 ms, and one for the end
    assert source.class_names == ["high", "low"]
    loudest = source.train.inputs[:, 0, 13].argmax(dim=1)
    assert (loudest[:4] > loudest[4:]).all()
    assert "Audio files last 0.3 to 0.3 s; the middle 0.25 s of 8 is kept." in source.notices


BAD = {
    "nothing": (b"", "is empty, 0 bytes."),
    "no length": (wav_of(0), "has no samples."),
    "cut off": (wav_of()[:900], "is cut off: 900 bytes, its header says 1644."),
    "a text": (b"hello", "is not audio; expected WAV or FLAC."),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_stops_the_run_before_training_or_is_skipped(bad: str, tmp_path: Path) -> None:
    content, message = BAD[bad]
    folder = make_audio(tmp_path / "data")
    (folder / "low" / "bad.wav").write_bytes(content)
    assert refused(folder, in_memory=False).startswith(f"{folder}/low/bad.wav: {message}")
    source = read(folder, on_bad_row="skip")
    assert len(source.train.targets) == 8
    assert source.skipped == [f"{folder}/low/bad.wav: {message}"]


def test_a_flac_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    folder = make_audio(tmp_path / "data")
    path = folder / "low" / "01.flac"
    path.write_bytes(path.read_bytes()[:-200])
    assert refused(folder, in_memory=False).startswith(f"{path}: is ")


def test_samples_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    folder = make_audio(tmp_path / "data")
    soundfile.write(folder / "low" / "nan.wav", np.array([0.0, np.nan] * 2000), 8000, subtype="FLOAT")
    assert refused(folder) == f"{folder}/low/nan.wav: has samples that are not finite numbers."
    assert len(read(folder, on_bad_row="skip").skipped) == 1


def test_more_bands_than_frames_resolve_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, mels=200)
    assert str(caught.value).endswith(
        "dataset.mels=200\n      Frames of 25 ms at 8000 Hz resolve 100 bands. Use fewer dataset.mels or a longer "
        "dataset.window_ms."
    )


def test_without_soundfile_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_audio(tmp_path / "data")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ConfigError) as caught:
        read(folder)
    assert (
        'dataset=audio_folder\n      This needs soundfile, which is not installed: pip install "dlrun[audio]".'
        in str(caught.value)
    )


def test_features_are_the_same_with_any_number_of_threads_and_read_one_by_one(tmp_path: Path) -> None:
    folder = make_audio(tmp_path / "data", each=6)
    before = torch.get_num_threads()
    streamed = read(folder, in_memory=False).train.inputs
    torch.set_num_threads(2)
    in_memory = read(folder).train.inputs
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
    assert isinstance(in_memory, torch.Tensor)
    for row in range(12):
        assert torch.equal(streamed.read([row])[0], in_memory[row])  # type: ignore[union-attr]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("model", ["cnn", "rnn"])
def test_a_run_is_killed_resumed_evaluated_and_predicts_new_files(model: str, workers: int, tmp_path: Path) -> None:
    if (model == "cnn") == bool(workers):
        pytest.skip("a CNN without workers, an RNN with them")
    folder = make_audio(tmp_path / "data", each=20)
    small = "model.channels=[4]" if model == "cnn" else "model.hidden=8"
    words = ("dataset=audio_folder", f"dataset.path={folder}", "dataset.in_memory=false", "dataset.sample_rate=8000")
    words += ("dataset.seconds=0.25", "dataset.mels=20", f"model={model}", small, "trainer.batch_size=4",
              "optimizer.lr=0.01", "trainer.epochs=10")  # fmt: skip
    killed, metrics = kill_and_resume(words, folder=tmp_path, workers=workers)
    assert metrics["test/accuracy"] > 0.5
    _, reads = restored(killed)
    new = make_audio(tmp_path / "new", each=2)
    encoded = reads.encode(new)
    assert encoded.inputs.shape == (4, 1, 26, 20)
    names = ("high/00.wav", "high/01.flac", "low/00.wav", "low/01.flac")
    assert encoded.columns == {"path": [f"{new}/{name}" for name in names]}
    assert torch.equal(reads.encode(new / "low/00.wav").inputs, encoded.inputs[2:3])
    rows = predictions(killed, new, folder=tmp_path)
    assert [row["path"] for row in rows] == encoded.columns["path"]
    assert [row["prediction"] for row in rows] == ["high", "high", "low", "low"]
