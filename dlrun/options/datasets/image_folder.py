"""Images of your own: a folder for each class, or a CSV of paths and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from dlrun.configuration.schema.fields import DataPath, Range
from dlrun.data.files.bad_rows import HOW_TO_SKIP_FILES, BadRows
from dlrun.data.files.examples import resolve
from dlrun.data.media.images import (
    FORMATS,
    Decoding,
    ImageEncoder,
    ImageReader,
    bombs_are_errors,
    probe_image,
    suffixes_of,
    verify_image,
)
from dlrun.data.media.listing import list_files
from dlrun.data.media.reader import FileReader
from dlrun.data.media.source import check_numbers, folder_source, survey_files
from dlrun.data.media.survey import Facts
from dlrun.data.source import Encoder, Source
from dlrun.wording import plural

_LARGEST_SHARED = 128  # pixels: sides up to which the size that most images share is used
_SIDE = 64  # pixels: side otherwise


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
    """Images as bytes, (channels, size, size), and the label of each; PNG, JPEG, BMP, WebP and GIF's first frame.

    path, val, test: a folder with a folder for each class, or a CSV with the columns `path` and `target`; a folder
    that contains `train` and `val` or `test` contains splits. in_memory: false decodes an image when it is needed.

    Raises DataError naming the file that is missing, damaged, no image, too large, a duplicate or outside the folder.
    """
    bad = BadRows(skip=on_bad_row == "skip", max_listed=None, cure=HOW_TO_SKIP_FILES)
    files = list_files(
        resolve(path), val=val, test=test, target=target, suffixes=suffixes_of(FORMATS), what="image", refuse=bad.add
    )
    if task == "regression":
        check_numbers(files, target=target, bad=bad)
    with bombs_are_errors():
        if bad.skip:  # a row cannot be skipped later, so every image is decoded now
            surveyed = survey_files(files, verify_image, kind="images verified", what="image", bad=bad)
        else:
            surveyed = survey_files(files, probe_image, kind="images", what="image", bad=bad)
    shape = (size, size) if isinstance(size, int) else _shared_size(surveyed.facts)
    if channels == "auto":
        channels = 1 if all(facts.properties["grey"] for facts in surveyed.facts) else 3
    decoding = Decoding(shape, fit, channels)

    def make_reader(paths: Sequence[Path], facts: Sequence[Facts]) -> FileReader:
        return ImageReader(paths, facts, decoding)

    source = folder_source(
        surveyed,
        make_reader,
        ImageEncoder(decoding),
        files=files,
        bad=bad,
        in_memory=in_memory,
        task=task,
        what="images",
    )
    resized = sum((facts.properties["height"], facts.properties["width"]) != shape for facts in surveyed.facts)
    if resized:
        how = {"crop": "cropped", "pad": "padded", "stretch": "stretched"}[fit]
        what = f"{plural(resized, 'image')} of other sizes"
        notice = f"Resized {what} to {shape[1]}x{shape[0]}, {how} (dataset.size, dataset.fit)."
        source.notices = [*source.notices, notice]
    return source


def encoder(state: Mapping[str, Any]) -> Encoder:
    """Return the encoder of a checkpoint's state, which reads new images."""
    return ImageEncoder.restored(state)


def _shared_size(facts: Sequence[Facts]) -> tuple[int, int]:
    """Return the height and width that at least half of the images have, where they are small; else a square."""
    sizes = Counter((entry.properties["height"], entry.properties["width"]) for entry in facts)
    (shared, count), *_ = sizes.most_common(1)
    return shared if 2 * count >= len(facts) and max(shared) <= _LARGEST_SHARED else (_SIDE, _SIDE)
