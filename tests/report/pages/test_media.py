"""Pictures and sounds inside a page."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlrun.report.pages.media import Media

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)


def content(html: str) -> bytes:
    found = re.search(r'src="data:[a-z/]+;base64,([^"]*)"', html)
    assert found is not None
    return base64.b64decode(found[1])


def test_small_pictures_are_kept_exactly() -> None:
    html = Media().pixels(GREY, alt='a "quoted" <name>')
    assert html.startswith(
        '<img class="pixels" alt="a &quot;quoted&quot; &lt;name&gt;" width="8" height="8" src="data:'
    )
    with Image.open(io.BytesIO(content(html))) as image:
        assert np.array_equal(np.asarray(image), GREY)


def test_files_are_written_anew_and_smaller(tmp_path: Path) -> None:
    Image.effect_noise((900, 600), 50).convert("RGB").save(tmp_path / "a.png")
    html = Media().file(tmp_path / "a.png", alt="a", most_side=300)
    assert 'width="300" height="200"' in html
    assert content(html).startswith(b"\xff\xd8")  # a JPEG
    Image.fromarray(GREY).convert("RGBA").save(tmp_path / "b.png")
    assert 'width="8"' in Media().file(tmp_path / "b.png", alt="b")


def test_what_is_no_picture_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"<svg onload=alert(1)>")
    media = Media()
    assert media.file(tmp_path / "a.png", alt="") == ""
    assert media.file(tmp_path / "gone.png", alt="") == ""
    Image.new("1", (20, 20)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    assert media.file(tmp_path / "bomb.png", alt="") == ""
    assert media.unreadable == ["a.png", "gone.png", "bomb.png"]


def test_sounds_and_the_budget() -> None:
    media = Media(budget=100)
    html = media.sound(b"x" * 60, label="<b>")
    assert html == (
        f'<audio controls preload="metadata" aria-label="&lt;b&gt;" src="data:audio/wav;base64,{"eHh4" * 20}"></audio>'
    )
    assert media.sound(b"x" * 16, label="") == ""  # 24 bytes, of which 20 are left
    assert media.pixels(GREY, alt="") == ""
    assert media.num_left_out == 2
    assert media.sound(b"x" * 15, label="") != ""
