"""The sample files that were generated: `python tests/options/datasets/make_samples.py FOLDER` makes them again."""

from __future__ import annotations

import csv
import math
import random
import sys
from datetime import date, timedelta
from pathlib import Path

GOOD = ("good", "lovely", "excellent", "bright", "comfortable", "reliable", "fresh", "charming")
BAD = ("bad", "dull", "awful", "broken", "noisy", "stale", "clumsy", "disappointing")
THINGS = ("room", "meal", "camera", "film", "journey", "phone", "garden", "book", "concert", "bicycle")
OPENINGS = ("", "Honestly, ", "To be fair, ", "As we said before, ", "After a week I can say that ")
CLOSINGS = ("", " We stayed for two days.", " It came on a Monday.", " My sister thinks so too.")


def reviews(rows: int) -> list[list[str]]:
    """Sentences that praise or complain; "not" and "never" turn a word round, so that order matters."""
    draw = random.Random(0)
    made = []
    for number in range(rows):
        praise = number % 2 == 0
        negated = draw.random() < 0.4
        word = draw.choice(GOOD if praise != negated else BAD)
        verb = draw.choice(("was not", "was never", "is not") if negated else ("was", "is", "was always"))
        thing, other = draw.sample(THINGS, 2)
        aside = draw.choice(("", f", unlike the {other},", f" and not the {other}"))
        text = f"{draw.choice(OPENINGS)}the {thing}{aside} {verb} {word}.{draw.choice(CLOSINGS)}"
        made.append([text[0].upper() + text[1:], "praise" if praise else "complaint"])
    return made


def weather(days: int) -> list[list[str]]:
    """A year's wave, a slow rise and noise that lasts for some days; the air is drier when it is warmer."""
    draw = random.Random(0)
    made, drift = [], 0.0
    for number in range(days):
        drift = 0.7 * drift + draw.gauss(0, 1.2)
        temperature = 10 + 9 * math.sin(2 * math.pi * (number - 110) / 365.25) + 0.001 * number + drift
        humidity = 78 - 1.1 * (temperature - 10) + draw.gauss(0, 3)
        made.append([str(date(2020, 1, 1) + timedelta(number)), f"{temperature:.1f}", f"{humidity:.0f}"])
    return made


def write(folder: Path) -> None:
    """Write the files into a folder."""
    for name, head, rows in (
        ("reviews.csv", ["text", "label"], reviews(800)),
        ("weather.csv", ["day", "temperature", "humidity"], weather(1461)),
    ):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *rows])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
