"""Rows of a table as cells again."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.source import table_source

TABLE = (
    "name,age,city,member,joined,price\n"
    "Ann 1,30,Lyon,yes,2024-01-31,1.5\nBob 2,,Turin,no,2023-12-01 12:30,2.5\nCas 3,41,,yes,2022-02-03,3.5\n"
)


def originals(path: Path, numbers: list[int], **more: bool):  # type: ignore[no-untyped-def]
    source = table_source(TableSettings(name="table", path=str(path), target="price", **more))  # type: ignore[arg-type]
    assert source.originals is not None
    return source.originals("train", source.train, numbers)


def test_cells_are_those_of_the_file_and_rows_have_their_number(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    second, third = originals(tmp_path / "a.csv", [1, 2])
    assert second.place == "row 2 of a.csv"
    expected = {"age": "", "city": "Turin", "member": "no", "joined": "2023-12-01 12:30"}
    assert {name: second.cells[name] for name in expected} == expected
    expected = {"age": "41", "city": "", "member": "yes", "joined": "2022-02-03"}
    assert {name: third.cells[name] for name in expected} == expected


def test_no_number_where_rows_were_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE.replace("1.5", ""))
    (first,) = originals(tmp_path / "a.csv", [0], missing_target="leave_out")  # type: ignore[arg-type]
    assert (first.place, first.cells["city"]) == ("", "Turin")


def test_an_image_is_a_file_of_which_the_cell_has_the_name(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for number in range(3):
        Image.new("L", (8, 8), number * 50).save(tmp_path / "deep" / f"{number}.png")
    rows = "".join(f"deep/{number}.png,{number}\n" for number in range(3))
    (tmp_path / "a.csv").write_text(f"picture,price\n{rows}")
    (second,) = originals(tmp_path / "a.csv", [1], columns={"picture": "image"})  # type: ignore[arg-type]
    assert second.cells == {"picture": "1.png"}
    assert second.image == tmp_path / "deep" / "1.png"
