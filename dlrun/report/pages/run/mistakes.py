"""The worst mistakes as they are: pictures, sounds, texts, rows of a table, windows of a series."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.report.pages.media import Media
from dlrun.report.pages.parts import Cell, figure, legend, paragraph, section, table
from dlrun.report.pages.text import escape
from dlrun.report.plots.residuals import window_plot
from dlrun.runs.analysis.reports import Mistake
from dlrun.wording import plural

_MOST_TEXT = 1_500  # characters
_MOST_COLUMNS = 40
_LONG = 40  # characters, from which on a cell may have several lines
_THUMBNAIL = 240  # pixels of a photograph


def mistakes_section(mistakes: Sequence[Mistake], media: Media, *, title: str, split: str) -> str:
    """Return the section; empty without a mistake. split: whose rows they are."""
    if not mistakes:
        return ""
    intro = paragraph(f"Rows of the {split} split at which the model is farthest off, the worst first.", muted=True)
    cells = [each.original.cells for each in mistakes if each.original is not None]
    body = ""
    if any(cells):
        body = _table(mistakes)
    pictures = [_card(each, media) for each in mistakes if _has_card(each)]
    if pictures:
        is_wide = any(each.windows or _has_words(each) for each in mistakes)
        key = [(None, "what came"), (None, "predicted")]
        marks = legend(key) if any(window.truth for each in mistakes for window in each.windows) else ""
        body += marks + f'<div class="cards{" broad" if is_wide else ""}">{"".join(pictures)}</div>'
    elif not body:
        heads = ["row", "true", "predicted", ""]
        rows = [
            (None, [_row_number(each), _cell(each.truth), _cell(each.predicted), Cell(each.note)]) for each in mistakes
        ]
        body = table(heads, rows)
    return section(title, intro, body)


def _has_words(mistake: Mistake) -> bool:
    """Whether its card needs room for a text, or the buttons of a player."""
    original = mistake.original
    return original is not None and (original.text is not None or original.sound is not None)


def _has_card(mistake: Mistake) -> bool:
    """Whether there is more to show than cells of a table."""
    original = mistake.original
    if mistake.pixels is not None or mistake.windows:
        return True
    return original is not None and (
        original.text is not None or original.image is not None or original.sound is not None
    )


def _table(mistakes: Sequence[Mistake]) -> str:
    columns = list(dict.fromkeys(name for each in mistakes if each.original for name in each.original.cells))
    shown = columns[:_MOST_COLUMNS]
    rows = []
    for each in mistakes:
        cells = each.original.cells if each.original is not None else {}
        told = [_cell(each.truth), _cell(each.predicted), Cell(each.note)]
        rows.append((None, [_row_number(each), *told, *(_cell(cells.get(name, "")) for name in shown)]))
    cut = ""
    if len(columns) > len(shown):
        cut = paragraph(f"{plural(len(columns) - len(shown), 'more column')} left out.", muted=True)
    heads = ["row", "true", "predicted", "how far off", *shown]
    wordy = [place for place in range(len(heads)) if any(len(cells[place].text) > _LONG for _, cells in rows)]
    return table(heads, rows, wordy=wordy) + cut


def _cell(text: str) -> Cell:
    try:
        return Cell(text, float(text))
    except ValueError:
        return Cell(text)


def _row_number(mistake: Mistake) -> Cell:
    place = mistake.original.place if mistake.original is not None else ""
    return Cell(place or f"row {mistake.row + 1} of the split")


def _card(mistake: Mistake, media: Media) -> str:
    original, parts = mistake.original, []
    alt = f"true {mistake.truth}, predicted {mistake.predicted}"
    if original is not None and original.image is not None:
        parts.append(media.file(original.image, alt=alt, most_side=_THUMBNAIL))
    elif mistake.pixels is not None:
        parts.append(media.pixels(mistake.pixels, alt=alt))
    if original is not None and original.sound is not None:
        parts.append(media.sound(original.sound, label=alt))
    parts += [figure(window_plot(window)) for window in mistake.windows]
    if original is not None and original.text is not None:
        text = original.text
        cut = text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"
        parts.append(f"<blockquote>{escape(cut)}</blockquote>")
    told = ""
    if mistake.truth or mistake.predicted:
        told = f"is <b>{escape(mistake.truth)}</b>, predicted <b>{escape(mistake.predicted)}</b><br>"
    place = _row_number(mistake).text
    caption = f"<figcaption>{told}{escape(mistake.note)}<br>{escape(place)}</figcaption>"
    return f'<figure class="card">{"".join(parts)}{caption}</figure>'
