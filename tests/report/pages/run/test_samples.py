"""What generative runs make."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from dlrun.report.pages.media import Media
from dlrun.report.pages.run.samples import pictures_section, texts_section, tokens_section
from dlrun.runs.analysis.reports import Sample, Token, TokenReport
from tests.report.pages.test_sweep_page import EVIL, read


def test_pictures_of_the_first_the_last_and_some_epochs_between(tmp_path: Path) -> None:
    for epoch in range(1, 21):
        Image.new("L", (4, 4)).save(tmp_path / f"epoch-{epoch:04d}.png")
    (tmp_path / "other.png").write_bytes(b"")
    (tmp_path / "epoch-0021.png").symlink_to(tmp_path / "epoch-0001.png")
    html, missing = pictures_section(tmp_path, Media())
    assert missing == ""
    assert "9 of 20 pictures" in html
    epochs = [int(part.partition("<")[0]) for part in html.split("<figcaption>epoch ")[1:]]
    assert epochs == [1, 3, 5, 8, 10, 12, 15, 17, 20]


def test_one_picture_and_none(tmp_path: Path) -> None:
    assert pictures_section(tmp_path / "samples", Media()) == (
        "", "samples over time: there is no picture in the run's folder samples/"
    )  # fmt: skip
    Image.new("L", (4, 4)).save(tmp_path / "epoch-0007.png")
    assert "epoch 7" in pictures_section(tmp_path, Media())[0]


def test_texts() -> None:
    html = texts_section([Sample("The <b>", EVIL[0])])
    assert "<blockquote><b>The &lt;b&gt;</b>&lt;/script&gt;" in html
    assert texts_section([]) == ""


def test_tokens_are_coloured_by_their_loss() -> None:
    tokens = [Token("a", 0.0), Token("\n", 4.0), Token(EVIL[4], 99.0)]
    html = tokens_section(TokenReport([1.0, 2.0], [(3.5, tokens)], ""))
    assert "Mean loss 3.5000:" in html
    assert '<span class="token heat0 on-ink">a</span>' in html
    assert '<span class="token heat5 on-paper">⏎\n</span>' in html
    assert '<span class="token heat9 on-paper">&lt;svg onload=alert(4)&gt;</span>' in html
    assert "onload" not in read(html).attributes


def test_a_long_window_is_cut() -> None:
    html = tokens_section(TokenReport([1.0], [(1.0, [Token("a", 0.0)] * 400)], " "))
    assert html.count(">a</span>") == 300
    assert "</span> …</blockquote>" in html
