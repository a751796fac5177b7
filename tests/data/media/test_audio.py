"""`dlrun.data.media.audio`: resampling, log-mel features, damaged files, and new files for predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from dlrun.data.media.audio import AudioEncoder, log_mel, probe_audio, resample, verify_audio, waveform
from dlrun.errors import DataError
from tests.data.media.samples import tone, wav_of, write_wav


@pytest.mark.parametrize(("before", "after"), [(44100, 16000), (8000, 16000), (16000, 11025), (48000, 8000)])
def test_a_tone_keeps_its_pitch_and_loudness_at_another_rate(before: int, after: int) -> None:
    resampled = resample(torch.from_numpy(tone(1000, rate=before)).float(), before, after)
    expected = torch.from_numpy(tone(1000, rate=after)).float()
    middle = slice(len(expected) // 4, -len(expected) // 4)
    assert abs(len(resampled) - len(expected)) <= 1
    assert (resampled[: len(expected)] - expected)[middle].abs().max() < 2e-3


def test_frequencies_above_the_new_rates_half_are_removed() -> None:
    above = torch.from_numpy(tone(6000, rate=16000)).float()
    assert resample(above, 16000, 8000)[200:-200].abs().max() < 2e-3


def test_the_loudest_band_of_a_tone_is_the_one_that_contains_it() -> None:
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([20.0, 8000.0]) / 700)), 42) / 2595) - 1)
    for band in (5, 20, 35):
        samples = torch.from_numpy(tone(edges[band + 1], rate=16000)).float()
        features = log_mel(samples, rate=16000, mels=40, window_ms=25, hop_ms=10)
        assert features.shape == (31, 40)
        assert features[15].argmax() == band


def test_a_short_file_has_silence_added_and_a_long_one_is_cut_to_its_middle(tmp_path: Path) -> None:
    write_wav(tmp_path / "x.wav", np.full(100, 0.5), 1000)
    content = (tmp_path / "x.wav").read_bytes()
    short = waveform(content, rate=1000, seconds=0.2)
    assert short.shape == (200,)
    assert short[:50].abs().max() == short[150:].abs().max() == 0
    assert torch.allclose(short[50:150], torch.tensor(0.5), atol=1e-3)
    ramp = np.arange(1000) / 1000
    write_wav(tmp_path / "x.wav", np.stack([ramp, 0 * ramp], axis=1), 1000)  # two channels: their mean
    long = waveform((tmp_path / "x.wav").read_bytes(), rate=1000, seconds=0.2)
    assert torch.allclose(long, torch.arange(400, 600) / 2000, atol=1e-3)


def flac(path: Path) -> bytes:
    soundfile.write(path, tone(300, rate=8000), 8000)
    return path.read_bytes()


def test_a_probe_has_samples_rate_and_channels(tmp_path: Path) -> None:
    assert probe_audio(wav_of()) == verify_audio(wav_of()) == {"frames": 800, "rate": 8000, "channels": 1}
    assert probe_audio(flac(tmp_path / "x.flac")) == {"frames": 2400, "rate": 8000, "channels": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (wav_of(0), "has no samples."),
        (wav_of()[:900], "is cut off: 900 bytes, its header says 1644."),
        (b"hello", "is not audio; expected WAV or FLAC."),
    ],
    ids=["empty", "cut off", "a text"],
)
def test_a_bad_file_is_an_error(content: bytes, message: str) -> None:
    for read in (probe_audio, verify_audio):
        with pytest.raises(DataError) as caught:
            read(content)
        assert str(caught.value) == message


def test_a_flac_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^is (damaged or cut off|cut off: \d+ samples, its header says 2400)\."):
        probe_audio(flac(tmp_path / "x.flac")[:-200])


def test_a_recording_whose_header_has_no_length_yet_is_read() -> None:
    content = bytearray(wav_of())
    content[4:8] = (0xFFFFFFFF).to_bytes(4, "little")
    assert probe_audio(bytes(content))["frames"] == 800


def test_samples_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.array([0.0, np.nan] * 2000), 8000, subtype="FLOAT")
    content = (tmp_path / "x.wav").read_bytes()
    with pytest.raises(DataError, match=r"^has samples that are not finite numbers\.$"):
        verify_audio(content)
    with pytest.raises(DataError, match=r"^has samples that are not finite numbers\.$"):
        waveform(content, rate=8000, seconds=0.1)


def test_a_rate_whose_filter_would_fill_the_memory_is_an_error() -> None:
    content = bytearray(wav_of())
    content[24:28] = (44101).to_bytes(4, "little")
    what = r"^has 44,101 samples per second, which cannot be converted to 16,000\. Convert the file to a common rate"
    with pytest.raises(DataError, match=what):
        waveform(bytes(content), rate=16000, seconds=0.1)
    content[24:28] = (44100).to_bytes(4, "little")
    assert waveform(bytes(content), rate=16000, seconds=0.1).shape == (1600,)


def test_a_flac_file_in_which_no_sample_is_found_is_an_error() -> None:
    properties = (8000 << 44 | 15 << 36 | (1 << 36) - 1).to_bytes(8, "big")
    head = b"fLaC\x80\0\0\x22" + b"\x10\0\x10\0" + bytes(6) + properties + bytes(16)
    with pytest.raises(DataError, match=r"^is damaged or cut off\.$"):
        waveform(head + b"\xff\xf8\xc9\x08" * 9, rate=16000, seconds=1.0)


def test_new_files_have_the_features_of_training(tmp_path: Path) -> None:
    settings = {"rate": 8000, "seconds": 0.25, "mels": 20, "window_ms": 25.0, "hop_ms": 10.0}
    encoder = AudioEncoder(settings)
    assert encoder.state() == settings
    write_wav(tmp_path / "x.wav", tone(300, rate=11025), 11025)
    found = encoder.encode(tmp_path / "x.wav")
    samples = waveform((tmp_path / "x.wav").read_bytes(), rate=8000, seconds=0.25)
    expected = log_mel(samples, rate=8000, mels=20, window_ms=25, hop_ms=10)
    assert torch.equal(found.inputs, expected[None, None])
    assert found.columns == {"path": [f"{tmp_path}/x.wav"]}
    (tmp_path / "x.wav").write_bytes(b"no")
    with pytest.raises(DataError, match=r"x\.wav: is not audio; expected WAV or FLAC\."):
        encoder.encode(tmp_path / "x.wav")
