"""The worst mistakes as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from dlrun.data.originals import Original
from dlrun.report.pages.media import Media
from dlrun.report.pages.run.mistakes import mistakes_section
from dlrun.runs.analysis.reports import Mistake, Window
from tests.report.pages.test_sweep_page import EVIL, read

GREY = np.zeros((4, 4), dtype=np.uint8)


def section(*mistakes: Mistake, media: Media | None = None) -> str:
    return mistakes_section(mistakes, media or Media(), title="The worst", split="test")


def text_of(*mistakes: Mistake) -> str:
    return " ".join(read(section(*mistakes)).text.split())


def test_rows_of_a_table() -> None:
    cells = [{"age": "30", "city": ""}, {"age": "5", "city": "Lyon"}]
    mistakes = [Mistake(n, "yes", "no", "90% sure", Original(f"row {n + 1} of a.csv", cells=each)) for n, each in
                enumerate(cells)]  # fmt: skip
    text = text_of(*mistakes)
    assert "row true predicted how far off age city row 1 of a.csv yes no 90% sure 30 row 2 of a.csv" in text
    assert "2 more columns" not in text
    long = Mistake(0, "1", "2", "", Original(cells={"review": "word " * 20}))
    assert '<td class="text">word' in section(long)
    wide = Mistake(0, "1", "2", "", Original(cells={f"c{n}": "1" for n in range(42)}))
    assert "2 more columns left out." in text_of(wide)


def test_texts_pictures_and_sounds(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.png")
    html = section(
        Mistake(0, "good", "bad", "", Original("row 1 of a.csv", text="x" * 2000)),
        Mistake(1, "7", "1", "", pixels=GREY),
        Mistake(2, "cat", "dog", "", Original("cat/a.png", image=tmp_path / "a.png"), pixels=GREY),
        Mistake(3, "low", "high", "", Original("low/a.wav", sound=b"RIFF"), pixels=GREY),
    )
    assert html.count('<figure class="card">') == 4
    assert f"<blockquote>{'x' * 1500}…</blockquote>" in html
    assert html.count("<img") == 3
    assert html.count("<audio controls") == 1
    assert 'alt="true 7, predicted 1"' in html
    assert "is <b>7</b>, predicted <b>1</b><br><br>row 2 of the split" in html


def test_windows_of_a_forecast() -> None:
    html = section(Mistake(0, "", "", "off by 2", windows=[Window("load", [1.0, 2.0], [3.0], [5.0])]))
    assert "what came" in html
    assert "<figcaption>off by 2<br>row 1 of the split</figcaption>" in html


def test_rows_that_are_not_known_are_told_by_number() -> None:
    assert "row true predicted row 6 of the split a b far" in text_of(Mistake(5, "a", "b", "far"))
    assert section() == ""


def test_hostile_texts_are_text(tmp_path: Path) -> None:
    for number, evil in enumerate(EVIL):
        original = Original(evil, text=evil, cells={evil: evil}, image=tmp_path / "none.png", sound=b"x")
        html = section(Mistake(number, evil, evil, evil, original, windows=[Window(evil, [1.0])]))
        reader = read(html)
        assert not reader.tags & {"script", "img", "style"}
        assert not {name for name in reader.attributes if name.startswith("on")}
