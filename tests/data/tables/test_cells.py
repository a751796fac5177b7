"""dlrun.data.tables.cells: a column of a batch as raw numbers, with masks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dlrun.data.tables.cells import cells_of
from dlrun.data.tables.columns import Column


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string()).dictionary_encode()


def test_numbers_are_kept_and_those_too_large_are_bad() -> None:
    cells = cells_of(pa.array([1.5, None, 1e300]), Column("x", "number"), {})
    assert cells.is_null.tolist() == [False, True, False]
    assert cells.bad.tolist() == [False, False, True]
    assert (cells.values[0, 0], cells.num_present, cells.text_of(2)) == (1.5, 2, "1e+300")


def test_words_are_bad_or_strays_of_a_lenient_column() -> None:
    array = texts("1", "other", None, "other", "inf")
    strict = cells_of(array, Column("x", "number"), {})
    assert (strict.bad.tolist(), strict.strays) == ([False, True, False, True, True], {})
    lenient = cells_of(array, Column("x", "number", lenient=True), {})
    assert lenient.bad.tolist() == [False, False, False, False, True]  # infinity is a number, and no missing one
    assert lenient.is_stray.tolist() == [False, True, False, True, False]
    assert (lenient.strays, lenient.num_present) == ({"other": 2}, 4)
    assert np.isnan(lenient.values[1:4]).all()


def test_categories_get_the_next_codes() -> None:
    codes = {"blue": 0}
    cells = cells_of(texts("red", "blue", None, "red"), Column("x", "category", lenient=True), codes)
    np.testing.assert_array_equal(cells.values[:, 0], [1, 0, np.nan, 1])
    assert codes == {"blue": 0, "red": 1}
    assert not (cells.bad | cells.is_stray).any()


def test_none_is_missing_but_for_a_class() -> None:
    codes: dict[str, int] = {}
    cells = cells_of(texts("a", "None", None, "b"), Column("x", "category"), codes)
    assert (cells.is_null.tolist(), codes) == ([False, True, True, False], {"a": 0, "b": 1})
    np.testing.assert_array_equal(cells.values[:, 0], [0, np.nan, np.nan, 1])
    for kind in ("number", "boolean", "date"):
        cells = cells_of(texts("None", None), Column("x", kind, is_target=True), {})
        assert cells.is_null.all()
        assert not (cells.bad | cells.is_stray).any()
    codes = {}
    cells = cells_of(texts("a", "None", None), Column("x", "category", is_target=True), codes)
    assert (cells.is_null.tolist(), codes) == ([False, False, True], {"a": 0, "None": 1})
