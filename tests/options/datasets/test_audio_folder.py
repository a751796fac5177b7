"""`dataset=audio_folder`: sounds of any rate to log-mel features, and what is said of files that are none."""

from __future__ import annotations

import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from dlrun.data.media import audio as sound
from dlrun.data.source import Source
from dlrun.errors import ConfigError, DataError
from dlrun.options.datasets.audio_folder import audio_folder, encoder
from tests.options.datasets.survival import killed_and_gone_on_with, predicted, restored

Dlrun = Callable[..., tuple[int, str, str]]


def tone(hertz: float, *, rate: int, seconds: float = 0.3) -> np.ndarray[Any, Any]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def write(path: Path, samples: np.ndarray[Any, Any], rate: int) -> None:
    """WAV of 16 bits; samples: (T,) or (T, channels) in -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def make(folder: Path, *, each: int = 4) -> Path:
    """High and low tones at several rates, one and two channels, WAV and FLAC."""
    draws = np.random.default_rng(2)
    for name, hertz in (("high", 1500), ("low", 300)):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            rate = (8000, 11025, 16000)[number % 3]
            samples = tone(hertz * draws.uniform(0.8, 1.2), rate=rate)
            if number % 2:
                soundfile.write(folder / name / f"{number:02d}.flac", np.stack([samples, samples], axis=1), rate)
            else:
                write(folder / name / f"{number:02d}.wav", samples, rate)
    return folder


FIELDS = {"val": None, "test": None, "target": "label", "sample_rate": 8000, "seconds": 0.25, "mels": 20}
FRAMES = {"window_ms": 25.0, "hop_ms": 10.0, "in_memory": "auto", "on_bad_row": "stop"}


def read(path: Path | str, **fields: Any) -> Source:
    return audio_folder(path=str(path), **{"task": "classification", **FIELDS, **FRAMES, **fields})


def refused(path: Path | str, **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **fields)
    return str(caught.value)


def test_sounds_become_frames_by_bands(tmp_path: Path) -> None:
    source = read(make(tmp_path / "data"))
    assert isinstance(source.train.inputs, torch.Tensor)
    assert source.train.inputs.shape == (8, 1, 26, 20)  # 0.25 s at a frame each 10 ms, and one for the end
    assert source.class_names == ["high", "low"]
    loudest = source.train.inputs[:, 0, 13].argmax(dim=1)
    assert (loudest[:4] > loudest[4:]).all()
    assert "Sounds last 0.3 to 0.3 s; 8 are cut to their middle 0.25 s." in source.notices


@pytest.mark.parametrize(("before", "after"), [(44100, 16000), (8000, 16000), (16000, 11025), (48000, 8000)])
def test_a_tone_keeps_its_pitch_and_loudness_at_another_rate(before: int, after: int) -> None:
    resampled = sound.resample(torch.from_numpy(tone(1000, rate=before)).float(), before, after)
    expected = torch.from_numpy(tone(1000, rate=after)).float()
    middle = slice(len(expected) // 4, -len(expected) // 4)
    assert abs(len(resampled) - len(expected)) <= 1
    assert (resampled[: len(expected)] - expected)[middle].abs().max() < 2e-3


def test_what_the_new_rate_cannot_hold_is_taken_out() -> None:
    above = torch.from_numpy(tone(6000, rate=16000)).float()
    assert sound.resample(above, 16000, 8000)[200:-200].abs().max() < 2e-3


def test_the_loudest_band_of_a_tone_is_the_one_it_lies_in() -> None:
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([20.0, 8000.0]) / 700)), 42) / 2595) - 1)
    for band in (5, 20, 35):
        samples = torch.from_numpy(tone(edges[band + 1], rate=16000)).float()
        features = sound.log_mel(samples, rate=16000, mels=40, window_ms=25, hop_ms=10)
        assert features.shape == (31, 40)
        assert features[15].argmax() == band


def test_silence_is_put_around_what_is_short_and_the_middle_of_what_is_long_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "x.wav", np.full(100, 0.5), 1000)
    content = (tmp_path / "x.wav").read_bytes()
    short = sound.waveform(content, rate=1000, seconds=0.2)
    assert short.shape == (200,)
    assert short[:50].abs().max() == short[150:].abs().max() == 0
    assert torch.allclose(short[50:150], torch.tensor(0.5), atol=1e-3)
    ramp = np.arange(1000) / 1000
    write(tmp_path / "x.wav", np.stack([ramp, 0 * ramp], axis=1), 1000)  # two channels: their mean
    long = sound.waveform((tmp_path / "x.wav").read_bytes(), rate=1000, seconds=0.2)
    assert torch.allclose(long, torch.arange(400, 600) / 2000, atol=1e-3)


def wav(samples: int = 800) -> bytes:
    head = b"RIFF" + (36 + 2 * samples).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    form = b"\1\0\1\0" + (8000).to_bytes(4, "little") + (16000).to_bytes(4, "little") + b"\2\0\x10\0"
    return head + form + b"data" + (2 * samples).to_bytes(4, "little") + bytes(2 * samples)


BAD = {
    "nothing": (b"", "is empty, 0 bytes."),
    "no length": (wav(0), "holds no sound: its length is zero."),
    "cut off": (wav()[:900], "is cut off: 900 bytes, its head says 1644."),
    "a text": (b"hello", "is not a sound; expected WAV or FLAC."),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_sound_stops_the_run_before_training_or_is_left_out(bad: str, tmp_path: Path) -> None:
    content, message = BAD[bad]
    folder = make(tmp_path / "data")
    (folder / "low" / "bad.wav").write_bytes(content)
    assert refused(folder, in_memory=False).startswith(f"{folder}/low/bad.wav: {message}")
    source = read(folder, on_bad_row="skip")
    assert len(source.train.targets) == 8
    assert source.skipped == [f"{folder}/low/bad.wav: {message}"]


def test_a_flac_that_is_cut_off_is_told(tmp_path: Path) -> None:
    folder = make(tmp_path / "data")
    path = folder / "low" / "01.flac"
    path.write_bytes(path.read_bytes()[:-200])
    assert refused(folder, in_memory=False).startswith(f"{path}: is ")


def test_samples_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    folder = make(tmp_path / "data")
    soundfile.write(folder / "low" / "nan.wav", np.array([0.0, np.nan] * 2000), 8000, subtype="FLOAT")
    assert refused(folder) == f"{folder}/low/nan.wav: holds samples that are not finite numbers."
    assert len(read(folder, on_bad_row="skip").skipped) == 1


def test_bands_finer_than_frames_can_tell_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, mels=200)
    assert str(caught.value).endswith(
        "dataset.mels=200\n      Frames of 25 ms at 8000 Hz tell 100 bands apart. Use fewer dataset.mels or a longer "
        "dataset.window_ms."
    )


def test_without_the_library_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "data")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ConfigError) as caught:
        read(folder)
    assert 'This needs soundfile, which is not installed: pip install "dlrun[audio]".' in str(caught.value)


def test_features_are_the_same_with_any_number_of_threads_and_read_one_by_one(tmp_path: Path) -> None:
    folder = make(tmp_path / "data", each=6)
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
def test_sounds_are_trained_on_killed_resumed_evaluated_and_encoded(
    model: str, workers: int, tmp_path: Path, dlrun: Dlrun
) -> None:
    if (model == "cnn") == bool(workers):
        pytest.skip("a CNN without workers, an RNN with them")
    folder = make(tmp_path / "data", each=20)
    small = "model.channels=[4]" if model == "cnn" else "model.hidden=8"
    words = ("dataset=audio_folder", f"dataset.path={folder}", "dataset.in_memory=false", "dataset.sample_rate=8000")
    words += ("dataset.seconds=0.25", "dataset.mels=20", f"model={model}", small, "trainer.batch_size=4",
              "optimizer.lr=0.01")  # fmt: skip
    killed, metrics = killed_and_gone_on_with(words, dlrun, workers=workers)
    assert metrics["test/accuracy"] > 0.5
    _, reads = restored(killed)
    new = make(tmp_path / "new", each=2)
    encoded = reads.encode(new)
    assert encoded.inputs.shape == (4, 1, 26, 20)
    names = ("high/00.wav", "high/01.flac", "low/00.wav", "low/01.flac")
    assert encoded.columns == {"path": [f"{new}/{name}" for name in names]}
    assert torch.equal(reads.encode(new / "low/00.wav").inputs, encoded.inputs[2:3])
    rows = predicted(dlrun, killed, new)
    assert [row["path"] for row in rows] == encoded.columns["path"]
    assert [row["prediction"] for row in rows] == ["high", "high", "low", "low"]


def test_new_sounds_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    reading = encoder({"rate": 8000, "seconds": 0.25, "mels": 20, "window_ms": 25.0, "hop_ms": 10.0})
    (tmp_path / "x.wav").write_bytes(b"no")
    with pytest.raises(DataError, match=r"x\.wav: is not a sound; expected WAV or FLAC\."):
        reading.encode(tmp_path / "x.wav")
