"""Audio files of your own: a folder for each class, or a CSV of paths and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from dlrun.configuration.schema.fields import DataPath, Range
from dlrun.data.files.bad_rows import HOW_TO_SKIP_FILES, BadRows
from dlrun.data.files.examples import resolve
from dlrun.data.media.audio import SUFFIXES, AudioEncoder, AudioReader, probe_audio, verify_audio, wav
from dlrun.data.media.listing import list_files
from dlrun.data.media.reader import FileReader
from dlrun.data.media.source import check_numbers, folder_source, survey_files
from dlrun.data.media.survey import Facts
from dlrun.data.source import Encoder, Source
from dlrun.errors import ConfigError, Problem


def audio_folder(
    *,
    path: DataPath,
    val: DataPath | None,
    test: DataPath | None,
    target: str,
    task: Literal["classification", "regression"],
    sample_rate: Annotated[int, Range(1000, 192_000)],
    seconds: Annotated[float, Range(above=0, high=600)],
    mels: Annotated[int, Range(4, 256)],
    window_ms: Annotated[float, Range(1, 1000)],
    hop_ms: Annotated[float, Range(1, 1000)],
    in_memory: Literal["auto"] | bool,
    on_bad_row: Literal["stop", "skip"],
) -> Source:
    """Log-mel features of audio files, (1, frames, mels), and the label of each; WAV and FLAC.

    A CNN reads them as an image, an RNN frame by frame. path, val, test: as in image_folder. sample_rate: Hz that
    every file is resampled to. seconds: the middle that is read; a shorter file has silence added. window_ms, hop_ms:
    of the frames.

    Raises DataError naming the file that is missing, damaged, no audio, without samples, a duplicate or outside the
    folder; ConfigError for more mel bands than the frames can resolve.
    """
    settings = {"rate": sample_rate, "seconds": seconds, "mels": mels, "window_ms": window_ms, "hop_ms": hop_ms}
    bins = sample_rate * window_ms / 1000 / 2
    if mels > bins:
        raise ConfigError(
            Problem(
                f"dataset.mels={mels}",
                f"Frames of {window_ms:g} ms at {sample_rate} Hz resolve {bins:.0f} bands. "
                "Use fewer dataset.mels or a longer dataset.window_ms.",
                id="contradiction",
            )
        )
    what = "audio file"
    bad = BadRows(skip=on_bad_row == "skip", max_listed=None, cure=HOW_TO_SKIP_FILES)
    files = list_files(resolve(path), val=val, test=test, target=target, suffixes=SUFFIXES, what=what, refuse=bad.add)
    if task == "regression":
        check_numbers(files, target=target, bad=bad)
    if bad.skip:  # a row cannot be skipped later, so every sample is read now
        surveyed = survey_files(files, verify_audio, kind="audio verified", what=what, bad=bad)
    else:
        surveyed = survey_files(files, probe_audio, kind="audio", what=what, bad=bad)

    def make_reader(paths: Sequence[Path], facts: Sequence[Facts]) -> FileReader:
        return AudioReader(paths, facts, settings)

    source = folder_source(
        surveyed,
        make_reader,
        AudioEncoder(settings),
        files=files,
        bad=bad,
        in_memory=in_memory,
        task=task,
        what="audio files",
        sound=partial(wav, rate=sample_rate, seconds=seconds),
    )
    lengths = [facts.properties["frames"] / facts.properties["rate"] for facts in surveyed.facts]
    cut = sum(length > seconds for length in lengths)
    source.notices = [
        *source.notices,
        f"Audio files last {min(lengths):.2g} to {max(lengths):.2g} s; the middle {seconds:g} s of {cut:,} is kept.",
    ]
    return source


def encoder(state: Mapping[str, Any]) -> Encoder:
    """Return the encoder of a checkpoint's state, which reads new audio files."""
    return AudioEncoder(state)
