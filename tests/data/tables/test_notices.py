"""dlrun.data.tables.notices: what is said of a table's columns and rows is true, and names the override."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.notices import table_notices
from dlrun.data.tables.reading import read_other, read_train
from dlrun.data.tables.settings import TableSettings

ROWS = [f"{i},{i % 7 / 2},{'uvw'[i % 3]},k,{'ab'[i % 2]}" for i in range(40)]
PLAIN = "\n".join(["id,n,c,k,y", *ROWS]) + "\n"


def notices(content: str, *, test: str | None = None, **fields: Any) -> list[str]:
    settings = TableSettings(**{"name": "table", "path": "t", "target": "y", **fields})
    Path("t.csv").write_text(content)
    table = read_train(ArrowTable(Path("t.csv")), settings)
    rows = {"train": table.rows}
    if test is not None:
        Path("test.csv").write_text(test)
        rows["test"] = read_other(ArrowTable(Path("test.csv")), table.columns, settings)
    return list(table_notices(table, rows, settings))


def test_columns_are_listed_by_kind_and_ignored_ones_by_reason() -> None:
    assert notices(PLAIN) == [
        "columns: 1 number: n",
        "columns: 1 category: c (3)",
        "columns: id is ignored (a count of the rows; to use it: dataset.columns={id: number})",
        "columns: k is ignored (the same value in every row)",
    ]
    two = PLAIN.replace("id,", ",", 1).replace(",k", ",k,k", 1).replace(",k,a", ",k,k,a").replace(",k,b", ",k,k,b")
    two = two.replace("k,k,y", "k,l,y", 1)
    assert notices(two)[2:] == [
        "columns: the unnamed column is ignored (a count of the rows)",
        "columns: k, l are ignored (the same value in every row)",
    ]
    many = "\n".join(",".join([*(f"k{i}" for i in range(15)), row]) for row in PLAIN.splitlines()[:1])
    body = "\n".join(",".join(["1"] * 15 + [row]) for row in ROWS)
    (line,) = [line for line in notices(f"{many}\n{body}\n") if "k0" in line]
    assert line.endswith("k10, k11 and 4 more are ignored (the same value in every row)")


def test_categories_are_those_of_the_rows_that_are_used() -> None:
    assert "columns: 1 category: c (3)" in notices(PLAIN + "50,1,other,k,\n")


def test_words_that_count_as_missing_are_counted() -> None:
    words = [*["other"] * 2, *"stuvx"]
    text = PLAIN * 2 + "".join(f"1,{word},u,k,a\n" for word in words)
    text = text.replace("id,n,c,k,y\n", "").join(["id,n,c,k,y\n", ""])
    told = (
        'columns: n: 7 of 87 values are no numbers and count as missing: "other" 2, "s" 1, "t" 1, "u" 1, "v" 1, ...; '
        "to make them categories: dataset.columns={n: category}"
    )
    found = notices(text)
    assert told in found
    assert "missing values: n 7; numbers become the training median and a flag, categories one of their own" in found


def test_of_many_columns_with_such_words_the_first_are_told_one_by_one() -> None:
    names = [f"n{i}" for i in range(30)]
    rows = [",".join([f"{i + j}.5" if i else "." for j in range(30)] + ["ab"[i % 2]]) for i in range(40)]
    found = [line for line in notices("\n".join([",".join([*names, "y"]), *rows]) + "\n") if "as missing" in line]
    assert len(found) == 13
    assert found[11].startswith('columns: n11: 1 of 40 values is no number and counts as missing: "." 1; ')
    listed = ", ".join(names[12:24])
    rest = f"columns: values of {listed} and 6 more are not of their column's kind and count as missing, too"
    assert found[12] == rest


def test_rows_that_are_not_used_are_counted_by_file() -> None:
    short = "id,n,c,k,y\n1,,u,k,a\n2,,u,k,\n3,4,u\n"
    found = notices(PLAIN + "40,1,u,k,\n", test=short, skip_bad_rows=True)
    how = "to stop at the first: dataset.missing_target=stop"
    assert f"rows: 1 row without a value of y left out; {how}" in found
    assert f"rows: 1 row of dataset.test without a value of y left out; {how}" in found
    assert any(line.startswith("1 bad row of dataset.test skipped (dataset.on_bad_row=skip): line 4") for line in found)
    assert found[-1] == "missing values of dataset.test: n in every row"
    assert "1 row with missing values dropped (dataset.missing=drop)" in notices(PLAIN + "1,,u,k,a\n", missing="drop")


def test_numbers_and_dates_in_another_form_are_named() -> None:
    rows = [f"{i % 5 * 10}%,{i + 1000:,} €,{i % 28 + 1}.{i % 12 + 1}.2026,{i}" for i in range(40)]
    quoted = [row.replace(row.split(" €")[0].split("%,")[1], f'"{1000 + i:,}', 1) for i, row in enumerate(rows)]
    content = "share,price,day,y\n" + "\n".join(row.replace(" €", ' €"') for row in quoted) + "\n"
    assert notices(content + '10%,"2,000 €",1.2.2026,7\n') == [
        "columns: 1 category: share (5)",
        'columns: price is ignored (numbers written as "1,000 €"; expected the form 1234.5)',
        'columns: day is ignored (dates written as "1.1.2026"; expected the form 2026-01-31)',
        'columns: share is read as categories (numbers written as "0%"; expected the form 1234.5)',
    ]
