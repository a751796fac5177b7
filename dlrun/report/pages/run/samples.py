"""What a generative run makes: a GAN's pictures over time, a language model's texts and where it is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dlrun.report.pages.media import Media
from dlrun.report.pages.parts import grid, paragraph, section
from dlrun.report.pages.text import escape
from dlrun.report.plots.residuals import loss_by_position
from dlrun.report.plots.style import NUM_HEATS, heat_role, on_heat_role
from dlrun.runs.analysis.reports import SAMPLE_TEMPERATURE, Sample, Token, TokenReport
from dlrun.wording import number, plural

_MOST_PICTURES = 9
_SAMPLE_NAME = re.compile(r"epoch-(\d{1,9})\.png")
_SIDE = 420  # pixels
_HIGH_LOSS = 8.0  # at which a token's colour is the strongest: a probability of 1 in 3,000
_MOST_TOKENS = 300  # of a window


def pictures_section(folder: Path, media: Media) -> tuple[str, str]:
    """Return the samples of a GAN, of the first, the last and some epochs between; and what is missing.

    One of the two is empty.
    """
    found = _pictures(folder)
    if not found:
        return "", "samples over time: there is no picture in the run's folder samples/"
    count = min(len(found), _MOST_PICTURES)
    last = max(count - 1, 1)
    chosen = list(dict.fromkeys(found[place * (len(found) - 1) // last] for place in range(count)))
    cards = []
    for epoch, path in chosen:
        picture = media.file(path, alt=f"samples after epoch {epoch}", most_side=_SIDE)
        if picture:
            cards.append(f'<figure class="card">{picture}<figcaption>epoch {epoch}</figcaption></figure>')
    text = paragraph(
        f"Made from the same noise each time; {len(chosen)} of {plural(len(found), 'picture')}.", muted=True
    )
    return section("Samples over time", text, f'<div class="cards broad">{"".join(cards)}</div>'), ""


def _pictures(folder: Path) -> list[tuple[int, Path]]:
    """The pictures by epoch; a link is not followed."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    named = [(match, path) for path in folder.iterdir() if (match := _SAMPLE_NAME.fullmatch(path.name))]
    return sorted((int(match[1]), path) for match, path in named if path.is_file() and not path.is_symlink())


def texts_section(samples: Sequence[Sample]) -> str:
    """Return texts of a language model; empty without any."""
    if not samples:
        return ""
    text = paragraph(f"Each continues a beginning (bold), drawn at temperature {SAMPLE_TEMPERATURE:g}.", muted=True)
    quotes = [f"<blockquote><b>{escape(each.prompt)}</b>{escape(each.text)}</blockquote>" for each in samples]
    return section("Samples", text, *quotes)


def tokens_section(report: TokenReport) -> str:
    """Return where a language model is wrong: by place in the window, and its worst windows token by token."""
    parts = [grid([loss_by_position(report.by_position)], large=True)]
    if report.windows:
        steps = "".join(
            f'<span class="token heat{step} on-{on_heat_role((step + 0.5) / NUM_HEATS)}">'
            f" {step / NUM_HEATS * _HIGH_LOSS:.1f} </span>"
            for step in range(0, NUM_HEATS, 3)
        )
        what = "The windows with the highest mean loss; the stronger a token's colour, the less it was expected. Loss: "
        parts.append(f'<p class="muted scale">{escape(what)}{steps}</p>')
    for mean, tokens in report.windows:
        shown = report.separator.join(_token(token) for token in tokens[:_MOST_TOKENS])
        more = " …" if len(tokens) > _MOST_TOKENS else ""
        parts.append(f'<p class="muted">Mean loss {number(mean)}:</p><blockquote>{shown}{more}</blockquote>')
    return section("Loss by place, and the worst windows", *parts)


def _token(token: Token) -> str:
    share = token.loss / _HIGH_LOSS
    text = token.text.replace("\n", "⏎\n")
    return f'<span class="token {heat_role(share)} on-{on_heat_role(share)}">{escape(text)}</span>'
