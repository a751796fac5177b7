"""Pictures of the user's own: a folder a class, or a CSV of paths and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from dlrun.configuration.schema.fields import DataPath, Range
from dlrun.data.files.bad_rows import BadRows
from dlrun.data.files.examples import resolve
from dlrun.data.media.images import SUFFIXES, PictureEncoder, PictureReader, bombs_are_errors, look, look_closely
from dlrun.data.media.listing import list_files
from dlrun.data.media.reader import FileReader
from dlrun.data.media.source import check_numbers, folder_source, survey_files
from dlrun.data.media.survey import Facts
from dlrun.data.source import Encoder, Source

_LARGEST_SHARED = 128  # sides up to which the size that most pictures have is kept
_SIDE = 64  # of pictures otherwise


def image_folder(
    *,
    path: DataPath,
    val: DataPath | None,
    test: DataPath | None,
    target: str,
    task: Literal["classification", "regression"],
    size: Literal["auto"] | Annotated[int, Range(1, 4096)],
    fit: Literal["crop", "pad", "stretch"],
    channels: Literal["auto", 1, 3],
    in_memory: Literal["auto"] | bool,
    on_bad_row: Literal["stop", "skip"],
) -> Source:
    """Pictures as bytes, (channels, size, size), and the class of each; PNG, JPEG, BMP, WebP and GIF's first frame.

    path, val, test: a folder with a folder a class, or a CSV with the columns `path` and `target`; a folder with
    `train` and `val` or `test` in it holds splits. in_memory: false decodes a picture whenever it is needed.

    Raises DataError naming the file that is missing, damaged, no picture, too large, there twice or outside.
    """
    bad = BadRows(on_bad_row)
    files = list_files(resolve(path), val=val, test=test, target=target, suffixes=SUFFIXES, what="picture", refuse=bad)
    if task == "regression":
        check_numbers(files, target=target, bad=bad)
    with bombs_are_errors():
        if on_bad_row == "skip":  # a row cannot vanish later, so every picture is unpacked once
            surveyed = survey_files(files, look_closely, kind="pictures unpacked", what="picture", bad=bad)
        else:
            surveyed = survey_files(files, look, kind="pictures", what="picture", bad=bad)
    chosen = (size, size) if isinstance(size, int) else _shared_size(surveyed.facts)
    if channels == "auto":
        channels = 1 if all(facts.holds["grey"] for facts in surveyed.facts) else 3

    def make_reader(paths: Sequence[Path], facts: Sequence[Facts]) -> FileReader:
        return PictureReader(paths, facts, size=chosen, fit=fit, channels=channels)

    made = PictureEncoder(size=chosen, fit=fit, channels=channels)
    source = folder_source(
        surveyed, make_reader, made, files=files, bad=bad, in_memory=in_memory, task=task, what="pictures"
    )
    changed = sum((facts.holds["height"], facts.holds["width"]) != chosen for facts in surveyed.facts)
    if changed:
        how = {"crop": "cropped", "pad": "padded", "stretch": "stretched"}[fit]
        source.notices = [
            *source.notices,
            f"{changed:,} pictures of other sizes are brought to {chosen[1]}x{chosen[0]} and {how} "
            "(dataset.size, dataset.fit).",
        ]
    return source


def encoder(state: Mapping[str, Any]) -> Encoder:
    """How new pictures are read, as a checkpoint tells it."""
    return PictureEncoder.restored(state)


def _shared_size(facts: Sequence[Facts]) -> tuple[int, int]:
    """Height and width that at least half of the pictures have, where they are small; else a square."""
    (shared, count), *_ = Counter((entry.holds["height"], entry.holds["width"]) for entry in facts).most_common(1)
    return shared if 2 * count >= len(facts) and max(shared) <= _LARGEST_SHARED else (_SIDE, _SIDE)
