"""The pages of a server: fixed documents, which ask the server what its model is; so no text of its data is in them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from dlrun.report.pages.page import digest
from dlrun.report.plots.style import css

_FRAME = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
    "<title>dlrun serve</title>\n<style>{style}</style>\n</head>\n"
    '<body class="paper">\n<main id="main"><p class="muted">This page needs JavaScript.</p></main>\n'
    "<script>{script}</script>\n</body>\n</html>\n"
)


def pages() -> Mapping[str, tuple[str, str]]:
    """Return by path the document, and the policy of what it may load: nothing but what its own server says."""
    return {"/": _page("try.js"), "/docs": _page("docs.js")}


@cache
def _page(name: str) -> tuple[str, str]:
    style, script = css() + _text("serving.css"), _text("common.js") + _text(name)
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; connect-src 'self'; "
        "img-src data: blob:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return _FRAME.replace("{style}", style).replace("{script}", script), policy


def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
