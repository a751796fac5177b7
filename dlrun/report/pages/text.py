"""Text of users and data in a page: escaped here, and nowhere else."""

from __future__ import annotations

import html

from dlrun.wording import escape_controls


def escape(text: object) -> str:
    """Return a text for HTML, between tags or within a quoted attribute; control characters are shown, not sent."""
    return html.escape(escape_controls(str(text)), quote=True)
