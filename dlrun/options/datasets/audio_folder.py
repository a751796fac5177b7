"""Sounds of the user's own: a folder a class, or a CSV of paths and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from dlrun.configuration.schema.fields import DataPath, Range
from dlrun.data.files.bad_rows import BadRows
from dlrun.data.files.examples import resolve
from dlrun.data.media.audio import SUFFIXES, SoundEncoder, SoundReader, look, look_closely
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
    """Log-mel features of sounds, (1, frames, mels), and the class of each; WAV and FLAC.

    A CNN sees them as an image, an RNN reads them frame by frame. path, val, test: as in image_folder. sample_rate:
    Hz that every sound is brought to. seconds: its middle is kept, silence is put around less. window_ms, hop_ms: of
    the frames.

    Raises DataError naming the file that is missing, damaged, no sound, silent for want of samples, there twice or
    outside; ConfigError when bands are finer than the frames can tell.
    """
    settings = {"rate": sample_rate, "seconds": seconds, "mels": mels, "window_ms": window_ms, "hop_ms": hop_ms}
    bins = sample_rate * window_ms / 1000 / 2
    if mels > bins:
        raise ConfigError(
            Problem(
                f"dataset.mels={mels}",
                f"Frames of {window_ms:g} ms at {sample_rate} Hz tell {bins:.0f} bands apart. "
                "Use fewer dataset.mels or a longer dataset.window_ms.",
            )
        )
    bad = BadRows(on_bad_row)
    files = list_files(resolve(path), val=val, test=test, target=target, suffixes=SUFFIXES, what="sound", refuse=bad)
    if task == "regression":
        check_numbers(files, target=target, bad=bad)
    if on_bad_row == "skip":  # a row cannot vanish later, so every sample is read once
        surveyed = survey_files(files, look_closely, kind="sounds read", what="sound", bad=bad)
    else:
        surveyed = survey_files(files, look, kind="sounds", what="sound", bad=bad)

    def make_reader(paths: Sequence[Path], facts: Sequence[Facts]) -> FileReader:
        return SoundReader(paths, facts, settings)

    source = folder_source(
        surveyed,
        make_reader,
        SoundEncoder(settings),
        files=files,
        bad=bad,
        in_memory=in_memory,
        task=task,
        what="sounds",
    )
    lengths = [facts.holds["frames"] / facts.holds["rate"] for facts in surveyed.facts]
    cut = sum(length > seconds for length in lengths)
    source.notices = [
        *source.notices,
        f"Sounds last {min(lengths):.2g} to {max(lengths):.2g} s; {cut:,} are cut to their middle {seconds:g} s.",
    ]
    return source


def encoder(state: Mapping[str, Any]) -> Encoder:
    """How new sounds are read, as a checkpoint tells it."""
    return SoundEncoder(state)
