"""Which font draws which part of a text: Pillow's own, which has plain English letters, or one that is installed."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from PIL import ImageFont, features

from dlrun.report.plots.direction import is_from_right, parts_by_direction
from dlrun.wording import plural

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_Name = Path | None
"""A font's file; None is Pillow's own font."""

_PROBE = 16  # size in which a font is asked for its characters
_NOT_A_CHARACTER = "\U0010ffff"
_SUFFIXES = (".ttf", ".otf", ".ttc")
_ODD = ("bold", "italic", "oblique", "light", "thin", "black", "mono", "condensed", "serif", "math")
_MOST_TOLD = 12  # characters
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
_DEBIAN = "of Debian and Ubuntu"


class Fonts:
    """The fonts for the texts of a picture. missing: characters that cannot be drawn, and become boxes.

    Installed fonts are looked at only for what Pillow's own font lacks, each once, plain sans-serif ones first.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        chars = set(unicodedata.normalize("NFC", "".join(texts)))
        self._known: dict[_Name, set[str]] = {None: _covered(ImageFont.load_default(_PROBE), chars)}
        drawable = chars if features.check("raqm") else {char for char in chars if not is_from_right(char)}
        lacking = drawable - self._known[None]
        for path in installed() if lacking else ():
            known = _covered_by(path, drawable)
            if known & lacking:
                self._known[path] = known
                lacking -= known
            if not lacking:
                break
        self.missing = lacking | (chars - drawable)

    def tell(self, missing: set[str] | None) -> None:
        """Add what cannot be drawn to what is missing in other parts of a picture."""
        if missing is not None:
            missing |= self.missing

    def runs(self, text: str, size: float) -> list[tuple[Font, str]]:
        """Return the parts of a text from left to right, each with its font; one font draws all if it can.

        A part has one direction, so that signs and numbers beside a name in Arabic stay where they are. size: pixels.
        """
        text = unicodedata.normalize("NFC", text)
        parts = [each for part in parts_by_direction(text) for each in self._by_font(part)]
        return [(_font(name, size), part) for name, part in parts]

    def _by_font(self, text: str) -> list[tuple[_Name, str]]:
        for name, known in self._known.items():
            if known.issuperset(text):
                return [(name, text)]
        found: list[tuple[_Name, str]] = []
        for char in text:
            name = next((name for name, known in self._known.items() if char in known), None)
            if found and found[-1][0] == name:
                found[-1] = (name, found[-1][1] + char)
            else:
                found.append((name, char))
        return found


def length(runs: Iterable[tuple[Font, str]]) -> float:
    """Return the width of a text's parts together, in pixels."""
    return sum(font.getlength(part) for font, part in runs)


def notice(missing: Collection[str]) -> str:
    """Return what to tell of characters that became boxes, and what to install; empty for none."""
    if not missing:
        return ""
    shown = sorted(missing)
    told = " ".join(shown[:_MOST_TOLD]) + (" ..." if len(shown) > _MOST_TOLD else "")
    cures = " and ".join(dict.fromkeys(map(_cure, shown)))
    what = f"The picture has boxes for {plural(len(shown), 'character')} that cannot be drawn here: {told}"
    return f"{what} - install {cures}, and draw it again."


def installed() -> Iterator[Path]:
    """Yield the files of the fonts of this machine, plain sans-serif ones first."""
    found = {path for folder in folders() for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES}
    yield from sorted(found, key=_oddness)


def folders() -> list[Path]:
    """Return where systems keep fonts."""
    home = Path.home()
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    own = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), own / "fonts", home / ".fonts"]


def _oddness(path: Path) -> tuple[int, bool, str]:
    name = path.stem.lower()
    odd = sum(word in name for word in _ODD) - ("sans" in name and "serif" in name)
    return odd, "sans" not in name, str(path)


def _font(name: _Name, size: float) -> Font:
    return ImageFont.load_default(size) if name is None else ImageFont.truetype(name, size)


def _covered_by(path: Path, chars: Collection[str]) -> set[str]:
    """The characters that a font's file has; none of a file that cannot be read, or has pictures of one size."""
    try:
        return _covered(ImageFont.truetype(path, _PROBE, layout_engine=ImageFont.Layout.BASIC), chars)
    except OSError:
        return set()


def _covered(font: Font, chars: Collection[str]) -> set[str]:
    """The characters that a font draws otherwise than one that it cannot have; those without ink need no font."""
    box = bytes(font.getmask(_NOT_A_CHARACTER))
    return {char for char in chars if _is_inkless(char) or bytes(font.getmask(char)) != box}


def _is_inkless(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Zs", "Zl", "Zp")


def _cure(char: str) -> str:
    """What to install for a character."""
    name = unicodedata.name(char, "")
    if name.startswith(_EAST_ASIAN):
        return f"the fonts Noto Sans CJK (package fonts-noto-cjk {_DEBIAN})"
    if is_from_right(char) and not features.check("raqm"):
        return f"the library FriBidi (package libfribidi0 {_DEBIAN})"
    if unicodedata.category(char) == "So":
        return f"the font Symbola (package fonts-symbola {_DEBIAN})"
    return f"the fonts Noto Sans (package fonts-noto-core {_DEBIAN})"
