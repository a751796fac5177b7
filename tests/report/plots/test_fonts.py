"""Fonts of pictures: which one draws what, and what is told of characters that none has."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import ImageFont, features

from dlrun.report.plots import fonts
from dlrun.report.plots.fonts import Fonts, length, notice
from dlrun.report.plots.png import to_png
from dlrun.report.plots.scene import Scene

FIRST_GLYPH = 36  # of Pillow's own font: a letter, as those after it


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of fonts."""
    monkeypatch.setattr(fonts, "folders", lambda: [tmp_path, tmp_path / "none"])
    return tmp_path


def write_font(path: Path, characters: str) -> None:
    """Write a font that draws these characters, each as a letter of Pillow's own font, and no others."""
    own = ImageFont.load_default(16)
    assert isinstance(own, ImageFont.FreeTypeFont)
    assert isinstance(own.path, io.BytesIO)
    content = bytearray(own.path.getvalue())
    groups = b"".join(
        struct.pack(">III", ord(char), ord(char), FIRST_GLYPH + place) for place, char in enumerate(sorted(characters))
    )
    table = struct.pack(">HHHHIHHIII", 0, 1, 3, 10, 12, 12, 0, 16 + len(groups), 0, len(characters)) + groups
    struct.pack_into(">II", content, content.index(b"cmap") + 8, len(content), len(table))
    path.write_bytes(bytes(content) + table)


def files(found: list[tuple[fonts.Font, str]]) -> list[tuple[str, str]]:
    """The file of each part's font, and the part; Pillow's own font has none."""
    paths = [getattr(font, "path", "") for font, _ in found]
    names = ["" if isinstance(path, io.BytesIO) else Path(path).name for path in paths]
    return [(name, part) for name, (_, part) in zip(names, found, strict=True)]


def ink(text: str, *, is_turned: bool = False) -> bytes:
    """A picture of a text."""
    scene = Scene("a", "A", 60, 60)
    scene.label(30, 40, text, "middle", is_turned=is_turned)
    return to_png([[scene]])


def test_plain_english_asks_for_no_installed_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "installed", lambda: pytest.fail("looked for fonts"))
    found = Fonts(["val/loss 0.5 ± 0.1 …\n"])
    assert found.missing == set()
    assert files(found.runs("val/loss", 12)) == [("", "val/loss")]


def test_a_text_is_drawn_by_the_first_font_that_has_all_of_it(folder: Path) -> None:
    write_font(folder / "SansBold.ttf", "猫犬é")
    write_font(folder / "Sans.ttf", "猫犬")
    write_font(folder / "SansOther.ttf", "éb")
    (folder / "Broken.otf").write_bytes(b"no font")
    found = Fonts(["猫犬", "éb", "ab猫é"])
    assert found.missing == set()
    assert files(found.runs("猫犬", 12)) == [("Sans.ttf", "猫犬")]
    assert files(found.runs("e\u0301b", 12)) == [("SansOther.ttf", "éb")]  # composed
    parts = found.runs("ab猫é", 12)
    assert files(parts) == [("", "ab"), ("Sans.ttf", "猫"), ("SansOther.ttf", "é")]
    assert length(parts) == sum(font.getlength(part) for font, part in parts)


def test_what_an_installed_font_has_is_drawn_with_it(folder: Path) -> None:
    boxes = {is_turned: ink("猫", is_turned=is_turned) for is_turned in (False, True)}
    write_font(folder / "Sans.ttf", "猫犬")
    for is_turned, box in boxes.items():
        assert ink("猫", is_turned=is_turned) != box
        assert ink("猫", is_turned=is_turned) != ink("犬", is_turned=is_turned)
        assert ink("鳥", is_turned=is_turned) == box


def test_what_no_font_has_is_told_with_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_font(folder / "Sans.ttf", "猫")
    missing = {"x"}
    scene = Scene("a", "A", 60, 60)
    scene.label(30, 40, "猫犬 a\u200d")
    to_png([[scene]], missing=missing)
    assert missing == {"x", "犬"}
    assert notice(set()) == ""
    assert notice({"犬", "カ"}) == (
        "The picture has boxes for 2 characters that cannot be drawn here: カ 犬 - install the fonts Noto Sans CJK "
        "(package fonts-noto-cjk of Debian and Ubuntu), and draw it again."
    )
    assert "here: à á â ã ä å æ ç è é ê ë ... - install the fonts Noto Sans (package fonts-noto-core" in notice(
        {chr(code) for code in range(0xE0, 0xF0)}
    )
    both = "the font Symbola (package fonts-symbola of Debian and Ubuntu) and the fonts Noto Sans CJK"
    assert f"☃ 犬 - install {both}" in notice({"☃", "犬"})
    monkeypatch.setattr(features, "check", lambda name: False)
    assert "1 character that cannot be drawn here: ش - install the library FriBidi (package libfribidi0" in notice(
        {"ش"}
    )


def test_letters_from_right_to_left_are_not_drawn_wrongly_without_what_joins_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_font(folder / "Sans.ttf", "شم")
    monkeypatch.setattr(features, "check", lambda name: True)
    assert Fonts(["شم"]).missing == set()
    monkeypatch.setattr(features, "check", lambda name: False)
    assert Fonts(["شم"]).missing == {"ش", "م"}


def test_signs_and_numbers_beside_a_name_in_arabic_stay_where_they_are(folder: Path) -> None:
    write_font(folder / "Sans.ttf", 'شمّ 0123456789:=.-a"')
    found = Fonts(['"شمّ شم": -0.8 = -1.0'])
    parts = [part for _, part in found.runs('a "شمّ شمّ": -0.8 = -1.0', 12)]
    assert parts == ['a "', "شمّ شمّ", '": -0.8 = -1.0']


@pytest.mark.parametrize(
    ("platform", "known"),
    [
        ("linux", ["/usr/share/fonts", "/usr/local/share/fonts", "/own/fonts", "/home/.fonts"]),
        ("darwin", ["/System/Library/Fonts", "/Library/Fonts", "/home/Library/Fonts"]),
    ],
)
def test_where_systems_keep_fonts(platform: str, known: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts.sys, "platform", platform)
    places = {"XDG_DATA_HOME": "/own", "HOME": "/home"}
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    assert [path.as_posix() for path in fonts.folders()] == known
