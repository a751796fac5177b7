"""A terminal, as far as the live table needs one: it wraps nothing, scrolls, and keeps what scrolled away."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


class Emulator:
    """What a terminal of `height` lines shows after all that was written to it."""

    def __init__(self, height: int) -> None:
        self._height = height
        self._lines = [""]
        self._row = self._column = 0

    def feed(self, text: str) -> Emulator:
        """Take what a program writes, with the line ends of a terminal."""
        for token in _TOKEN.finditer(text):
            code, word = token[2], token[0]
            if word == "\r":
                self._column = 0
            elif word == "\n":
                self._row += 1
                if self._row == len(self._lines):
                    self._lines.append("")
            elif code is None:
                line = self._lines[self._row].ljust(self._column)
                self._lines[self._row] = line[: self._column] + word + line[self._column + len(word) :]
                self._column += len(word)
            else:
                self._control(code, token[1])
        return self

    def _control(self, code: str, argument: str) -> None:
        line = self._lines[self._row]
        if code == "A":
            self._row = max(0, len(self._lines) - self._height, self._row - int(argument or 1))
        elif code == "K":
            self._lines[self._row] = line[: self._column]
        elif code == "J":
            assert (self._row, self._column) != (0, 0) or len(self._lines) == 1, (
                "tmux keeps a screen erased from its top"
            )
            self._lines[self._row :] = [line[: self._column]]
        else:
            assert code == "m", f"an unexpected code: {code}"

    def shown(self) -> list[str]:
        """All lines, those that scrolled away first, without empty ones at the end."""
        lines = [line.rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines
