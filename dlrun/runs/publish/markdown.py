"""Markdown of texts that others wrote: names from data stay text, whatever they contain."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dlrun.wording import printable

_MOST = 200  # characters of a name
_MARKUP = re.compile(
    r"[<>&\"'`*\[\](){}#+!|~$:@=^\\]"  # markup, HTML, links, formulas
    r"|_(?![0-9A-Za-z])|(?<![0-9A-Za-z])_"  # emphasis; within a word it is none
    r"|\.(?=[A-Za-z])"  # a domain, of which some renderers make a link
    r"|-(?=--)|(?<=-)-"  # a rule, or the end of front matter
)


def one_line(text: str, *, limit: int = _MOST) -> str:
    """Return a text in one line, without control characters and of bounded length."""
    return printable(" ".join(text.split()), limit=limit)


def plain(text: object, *, limit: int = _MOST) -> str:
    """Return Markdown that shows a text as it is, in one line: every character with a meaning is an entity."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", one_line(str(text), limit=limit))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Return a table of cells that are Markdown already. right: columns of numbers."""
    rule = ["---:" if number in right else "---" for number in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def fence(lines: Sequence[str]) -> str:
    """Return commands to copy; none can end the block."""
    body = "\n".join(one_line(line, limit=1000).replace("```", "'''") for line in lines)
    return f"```bash\n{body}\n```"
