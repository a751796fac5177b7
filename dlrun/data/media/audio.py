"""Audio files as log-mel features, (1, frames, mels), and what is wrong with damaged ones."""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.files.optional import import_optional
from dlrun.data.media.listing import new_files
from dlrun.data.media.reader import FileReader
from dlrun.data.media.survey import Facts, survey
from dlrun.data.source import ChunkedEncoder, Encoded
from dlrun.errors import DataError

if TYPE_CHECKING:
    import soundfile

SUFFIXES = (".wav", ".flac")
_ZEROS = 16  # zero crossings of the sinc on each side of the resampling filter
_ROLLOFF = 0.94  # cut-off of the filter, as a share of half the lower rate
_MOST_TAPS = 1 << 24  # of the filter of all phases; 64 MiB
FLOOR = 1e-6  # added to each energy before the logarithm: silence becomes -13.8


def probe_audio(content: bytes) -> dict[str, Any]:
    """Return samples per channel, samples per second and channels.

    Raises DataError, without the file's name, for a file that is no audio, has no sample or is not complete.
    """
    with _opened(content) as audio:
        if audio.frames == 0:
            raise DataError("has no samples.")
        if content[:4] == b"RIFF" and 8 + int.from_bytes(content[4:8], "little") > len(content) + 1:
            stated = int.from_bytes(content[4:8], "little")
            if stated < 0xFFFFFF00:  # what recorders write before they know the length
                raise DataError(f"is cut off: {len(content)} bytes, its header says {8 + stated}.")
        if content[:4] == b"fLaC":
            _read(audio, audio.frames)
        return {"frames": audio.frames, "rate": audio.samplerate, "channels": audio.channels}


def verify_audio(content: bytes) -> dict[str, Any]:
    """Return what `probe_audio` does, after reading every sample."""
    properties = probe_audio(content)
    with _opened(content) as audio:
        _check_finite(_read(audio, audio.frames))
    return properties


def _check_finite(samples: np.ndarray[Any, Any]) -> None:
    if not np.isfinite(samples).all():
        raise DataError("has samples that are not finite numbers.")


def _soundfile() -> Any:
    return import_optional("soundfile", extra="audio", needed_by="dataset=audio_folder")


def _opened(content: bytes) -> soundfile.SoundFile:
    soundfile = _soundfile()
    try:
        return soundfile.SoundFile(io.BytesIO(content))
    except soundfile.SoundFileError as error:
        raise DataError("is not audio; expected WAV or FLAC.") from error


def _read(audio: soundfile.SoundFile, frames: int, *, first: int = 0) -> np.ndarray[Any, Any]:
    """Read `frames` samples of each channel from `first` on, float32 (T, channels)."""
    soundfile = _soundfile()
    try:
        if first:
            audio.seek(first)
        samples = audio.read(frames, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise DataError("is damaged or cut off.") from error
    if len(samples) < frames:
        raise DataError(f"is cut off: {len(samples)} samples, its header says {frames}.")
    return np.asarray(samples)


def waveform(content: bytes, *, rate: int, seconds: float) -> Tensor:
    """Return the middle `seconds` of an audio file as one channel at `rate` samples per second, (T,) float32.

    A shorter file has silence added on both sides.

    Raises DataError, without the file's name.
    """
    length = max(1, round(rate * seconds))
    with _opened(content) as audio:
        _check_rate(audio.samplerate, rate)
        wanted = math.ceil(seconds * audio.samplerate) + 2 * _ZEROS
        surplus = max(0, audio.frames - wanted)
        samples = _read(audio, audio.frames - surplus, first=surplus // 2)
        _check_finite(samples)
        mono = torch.tensor(samples.mean(axis=1))  # (T, channels) -> (T,)
        mono = resample(mono, audio.samplerate, rate)
    start = max(0, len(mono) - length) // 2
    mono = mono[start : start + length]
    missing = length - len(mono)
    return F.pad(mono, (missing // 2, missing - missing // 2))  # (T,) -> (length,)


def _check_rate(before: int, after: int) -> None:
    """Raise DataError for a rate that has so little in common with the wanted one that the filter fills the memory."""
    phases, step = (each // math.gcd(before, after) for each in (after, before))
    taps = phases * (step + 2 * math.ceil(_ZEROS * step / (min(phases, step) * _ROLLOFF)))
    if taps > _MOST_TAPS:
        what = f"has {before:,} samples per second, which cannot be converted to {after:,}"
        raise DataError(f"{what}. Convert the file to a common rate, for example 16,000, 44,100 or 48,000.")


def wav(content: bytes, *, rate: int, seconds: float) -> bytes:
    """Return what `waveform` does as a WAV file of 16 bits a sample.

    Raises DataError, without the file's name.
    """
    samples = waveform(content, rate=rate, seconds=seconds).clamp(-1, 1)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).round().to(torch.int16).numpy().astype("<i2").tobytes())
    return stream.getvalue()


def resample(samples: Tensor, before: int, after: int) -> Tensor:
    """Return samples at another rate, (T,) -> (ceil(T * after / before),), band-limited.

    A sinc under a Hann window, evaluated at the few phases that the rates have in common (Smith, Digital Audio
    Resampling, 2002). It needs torch only, and works the same way on every machine.
    """
    if before == after:
        return samples
    common = math.gcd(before, after)
    before, after = before // common, after // common
    kernel, width = _sinc(before, after)
    padded = F.pad(samples, (width, width + before))[None, None]  # (T,) -> (1, 1, T')
    phases = F.conv1d(padded, kernel, stride=before)  # (1, 1, T') -> (1, after, N)
    return phases[0].T.reshape(-1)[: math.ceil(len(samples) * after / before)]  # (after, N) -> (N * after,)


@lru_cache(maxsize=16)
def _sinc(before: int, after: int) -> tuple[Tensor, int]:
    """Return the filter of each phase, (after, 1, K), and how many samples it covers on each side."""
    cutoff = min(before, after) * _ROLLOFF
    width = math.ceil(_ZEROS * before / cutoff)
    steps = torch.arange(-width, width + before, dtype=torch.float64) / before  # (K,)
    shifts = torch.arange(0, -after, -1, dtype=torch.float64) / after  # (after,)
    times = ((shifts[:, None] + steps) * cutoff).clamp(-_ZEROS, _ZEROS)  # (after, K)
    window = torch.cos(times * math.pi / _ZEROS / 2) ** 2
    return (torch.sinc(times) * window * cutoff / before).float().unsqueeze(1), width  # (after, K) -> (after, 1, K)


def log_mel(samples: Tensor, *, rate: int, mels: int, window_ms: float, hop_ms: float) -> Tensor:
    """Return the logarithm of the energy in mel bands, (T,) -> (frames, mels).

    Davis and Mermelstein 1980; bands as in the HTK Book (Young et al. 2006), each with a peak of 1.
    """
    window = max(2, round(rate * window_ms / 1000))
    size = 1 << (window - 1).bit_length()  # of the transform: a power of two
    spectrum = torch.stft(
        samples,
        size,
        hop_length=max(1, round(rate * hop_ms / 1000)),
        win_length=window,
        window=torch.hann_window(window),
        pad_mode="constant",
        return_complex=True,
    )  # (T,) -> (size / 2 + 1, frames)
    power = spectrum.real.square() + spectrum.imag.square()
    return (power.T @ mel_bands(rate, size, mels) + FLOOR).log()  # (frames, size / 2 + 1) -> (frames, mels)


@lru_cache(maxsize=16)
def mel_bands(rate: int, size: int, mels: int) -> Tensor:
    """Return triangles evenly spaced in mel, 2595 log10(1 + f / 700), from 20 Hz to half the rate.

    (size / 2 + 1, mels).
    """
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (20.0, rate / 2))
    edges = 700 * (10 ** (torch.linspace(low, high, mels + 2, dtype=torch.float64) / 2595) - 1)
    hertz = torch.linspace(0, rate / 2, size // 2 + 1, dtype=torch.float64)[:, None]  # (size / 2 + 1, 1)
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()


class AudioReader(FileReader):
    """Surveyed audio files, as features when they are requested, float32 (B, 1, frames, mels).

    settings: rate (Hz), seconds, mels, window_ms and hop_ms.
    """

    dtype = torch.float32

    def __init__(self, paths: Sequence[Path], facts: Sequence[Facts], settings: Mapping[str, Any]) -> None:
        super().__init__(paths, facts)
        self._settings = dict(settings)
        rate = settings["rate"]
        frames = max(1, round(rate * settings["seconds"])) // max(1, round(rate * settings["hop_ms"] / 1000)) + 1
        self.row_shape = (1, frames, settings["mels"])

    @property
    def decisive(self) -> Mapping[str, Any]:
        library = _soundfile().__libsndfile_version__
        return {
            **self._settings,
            "libraries": [library, torch.__version__],
            "processor": torch.backends.cpu.get_cpu_capability(),
        }

    def row(self, content: bytes) -> Tensor:
        return _features(content, **self._settings).unsqueeze(0)  # (frames, mels) -> (1, frames, mels)


def _features(content: bytes, *, rate: int, seconds: float, mels: int, window_ms: float, hop_ms: float) -> Tensor:
    """Return the features of a file, (frames, mels)."""
    samples = waveform(content, rate=rate, seconds=seconds)
    return log_mel(samples, rate=rate, mels=mels, window_ms=window_ms, hop_ms=hop_ms)


class AudioEncoder(ChunkedEncoder):
    """New audio files, as features like those trained on. settings: as for AudioReader."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = dict(settings)

    def state(self) -> dict[str, Any]:
        return dict(self._settings)

    def chunks(self, path: Path) -> Iterator[Encoded]:
        paths = new_files(path, SUFFIXES, what="audio file")

        def refuse(number: int, text: str) -> None:
            raise DataError(f"{paths[number]}: {text}")

        facts = [entry for entry in survey(paths, probe_audio, kind="audio", refuse=refuse) if entry is not None]
        return AudioReader(paths, facts, self._settings).encoded()
