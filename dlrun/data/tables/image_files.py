"""The image files that a table names: found in its folder, decoded once as a check, hashed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.media.images import FORMATS, bombs_are_errors, suffixes_of, verify_image
from dlrun.data.media.listing import path_inside
from dlrun.data.media.survey import Facts, survey
from dlrun.wording import plural, printable

SUFFIXES = suffixes_of(FORMATS)


@dataclass(frozen=True)
class ImageFiles:
    """The images of one file of rows.

    refused: by column, the words that name no good image, and why. paths: by column, the file of each other word.
    facts: of each file, by path.
    """

    refused: Mapping[str, Mapping[str, str]]
    paths: Mapping[str, Mapping[str, str]]
    facts: Mapping[str, Facts]

    @property
    def digest(self) -> str:
        """The SHA-256 of which words name which contents, and of the words that name none."""
        digest = hashlib.sha256()
        for column, paths in self.paths.items():
            for word in sorted({**paths, **self.refused[column]}):
                content = self.facts[paths[word]].sha256 if word in paths else "refused"
                digest.update(f"{column}\0{word}\0{content}\n".encode())
        return digest.hexdigest()

    def located(self, words: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """Return words by column, those of images as the paths of their files."""
        return {
            name: [self.paths[name].get(word, word) for word in listed] if name in self.paths else list(listed)
            for name, listed in words.items()
        }


NO_IMAGES = ImageFiles({}, {}, {})


def find_images(file: ArrowTable, columns: Iterable[str]) -> ImageFiles:
    """Return the files that the columns of images name, relative to the table's folder.

    Columns that the file does not have are left out.
    """
    names = [name for name in columns if name in file.names]
    refused: dict[str, dict[str, str]] = {name: {} for name in names}
    paths: dict[str, dict[str, str]] = {name: {} for name in names}
    for name, word in _words(file, names):
        found = _find(file.path.parent, word)
        if isinstance(found, str):
            refused[name][word] = found
        else:
            paths[name][word] = str(found)
    entries = [(name, word) for name in names for word in paths[name]]
    with bombs_are_errors():
        surveyed = survey(
            [Path(paths[name][word]) for name, word in entries],
            verify_image,
            kind="images verified",
            refuse=lambda number, text: _refuse(refused, *entries[number], text),
        )
    facts = {}
    for (name, word), found_facts in zip(entries, surveyed, strict=True):
        if found_facts is None:
            del paths[name][word]
        else:
            facts[paths[name][word]] = found_facts
    return ImageFiles(refused, paths, facts)


def image_notices(files: Mapping[str, ImageFiles]) -> Iterator[str]:
    """Yield for each column how many images there are, and of which sizes. files: by split."""
    for name in files["train"].paths:
        found = {path: part.facts[path].properties for part in files.values() for path in part.paths[name].values()}
        sizes = Counter(f"{image['width']}x{image['height']}" for image in found.values())
        common = ", ".join(f"{count:,} of {size}" for size, count in sizes.most_common(3))
        what = f"{plural(len(found), 'image')} ({common}{', ...' if len(sizes) > 3 else ''})"
        yield f"columns: {printable(name)}: {what}, cropped and resized to dataset.image_size"


def _find(folder: Path, word: str) -> Path | str:
    """Return the file that a word names, or what is wrong with it."""
    try:
        found = path_inside(folder, word.strip())
        if found is None:
            return f'"{printable(word)}" leaves the folder of the table; expected a path inside it'
        if found.exists():
            return found
    except (OSError, ValueError, RuntimeError):  # too long, with a NUL character, or links in a circle
        pass
    return f'there is no image "{printable(word)}" in the folder of the table'


def _refuse(refused: dict[str, dict[str, str]], name: str, word: str, text: str) -> None:
    refused[name][word] = f'the image "{printable(word)}" {text}'.rstrip(".")


def _words(file: ArrowTable, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each column with each distinct word of it, in order."""
    seen: set[tuple[str, str]] = set()
    for batch in file.batches(numbers=(), names=names, bad=lambda line, what: None) if names else ():
        for number, name in enumerate(names):
            for word in batch.column(number).dictionary.to_pylist():
                if (name, word) not in seen:
                    seen.add((name, word))
                    yield name, word
