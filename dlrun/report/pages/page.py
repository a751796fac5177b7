"""The frame of a page: its style sheet and script, and a policy that lets nothing else run or load."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from dlrun.report.pages.text import escape
from dlrun.report.plots.style import css
from dlrun.version import __version__

MARK = "<!-- made by dlrun report -->"
"""In the first line after the doctype of every page, by which a page of dlrun's own is known."""


def page(title: str, body: str) -> str:
    """Return a whole HTML document. body: HTML whose texts are escaped."""
    style, script = css() + _resource("page.css"), _resource("page.js")
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(script)}'; img-src data:; "
        "media-src data:; base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!DOCTYPE html>\n{MARK}\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="dlrun {escape(__version__)}">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f'<body class="paper">\n{body}\n<script>{script}</script>\n</body>\n</html>\n'
    )


@cache
def _resource(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """The hash by which the policy allows this text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
