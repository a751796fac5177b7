"""Amounts as colours over pixels and words."""

from __future__ import annotations

import numpy as np

from dlrun.report.plots.overlays import coloured_words, contrast, image_overlay, luminance
from dlrun.report.plots.style import LIGHT
from dlrun.runs.explain.attribution import Share


def code(pixel: tuple[int, ...]) -> str:
    return "#" + "".join(f"{value:02x}" for value in pixel)


def test_pixels_have_the_colour_of_their_amount_and_are_faded_where_there_is_none() -> None:
    image = np.array([[0, 255], [0, 0]], dtype=np.uint8)
    plain, over = image_overlay(image, np.array([[1.0, -1.0], [0.0, 0.5]]))
    assert plain.size == over.size == (720, 720)
    spots = [(100, 100), (600, 100), (100, 600), (600, 600)]
    assert [code(plain.getpixel(spot)) for spot in spots] == ["#000000", "#ffffff", "#000000", "#000000"]  # type: ignore[arg-type]
    assert code(over.getpixel(spots[0])) == LIGHT["series0"]  # type: ignore[arg-type]
    assert code(over.getpixel(spots[1])) == LIGHT["series1"]  # type: ignore[arg-type]
    assert code(over.getpixel(spots[2])) == "#bfbfbf"  # type: ignore[arg-type]  # 255 * (1 - 0.25)


def test_an_image_that_does_not_matter_and_one_in_colour() -> None:
    image = np.zeros((2, 4, 3), dtype=np.uint8)
    plain, over = image_overlay(image, np.zeros((2, 4)))
    assert plain.size == (720, 360)
    assert over.getpixel((10, 10)) == (191, 191, 191)


def test_words_are_on_the_colour_of_their_amount() -> None:
    picture = coloured_words([Share("good", "", 2.0), Share("bad", "", -1.0), Share("and", "", 0.01)])

    red, _, blue = np.asarray(picture).reshape(-1, 3).T.astype(int)
    assert (blue - red).max() > 100  # for
    assert (red - blue).max() > 60  # against
    long = coloured_words([Share("word", "", 1.0)] * 60)
    assert long.height > picture.height
    assert long.width == picture.width


def test_a_text_that_is_read_from_the_right_begins_there() -> None:
    def centres(*names: str) -> list[float]:
        """Where the first word's blue and the second word's orange are, as shares of the width."""
        pixels = np.asarray(coloured_words([Share(names[0], "", 1.0), Share(names[1], "", -1.0)])).astype(int)
        red, blue = pixels[:, :, 0], pixels[:, :, 2]
        return [float(np.nonzero(mask)[1].mean()) / pixels.shape[1] for mask in (blue - red > 60, red - blue > 60)]

    first, second = centres("good", "bad")
    assert first < second < 0.2
    first, second = centres("טוב", "רע")
    assert first > second > 0.8


def test_every_word_can_be_read_on_its_colour() -> None:
    for sign in (1, -1):
        shares = [Share("word", "", sign * number / 20) for number in range(21)]
        pixels = np.asarray(coloured_words(shares), dtype=np.float64)
        for share in shares:
            alone = np.asarray(coloured_words([share, Share("", "", 1.0)]), dtype=np.float64)
            box = alone[12:60, 20:90].reshape(-1, 3)
            lights = [luminance(colour) for colour in np.unique(box, axis=0)]
            assert contrast(min(lights), max(lights)) >= 4.4, share
        assert pixels.shape[2] == 3
