"""`dlrun.data.files.sniffing`: the delimiter of a CSV."""

from __future__ import annotations

import io

from dlrun.data.files.sniffing import sniffed


def test_the_delimiter_divides_most_lines_alike() -> None:
    assert sniffed(io.StringIO("a;b\n1,5;x\n2,5;y\n")) == ";"
    assert sniffed(io.StringIO("a|b\n1|x\n")) == "|"
    assert sniffed(io.StringIO("a\n1\n")) == ","
    assert sniffed(io.StringIO("")) == ","


def test_lines_of_thousands_of_columns_are_looked_at() -> None:
    names = "\t".join(f"gene_number_{i}" for i in range(9000))
    assert len(names) > 1 << 16
    assert sniffed(io.StringIO(f"{names}\n" + "\t".join(["0.123456789"] * 9000))) == "\t"
    assert sniffed(io.StringIO("a;b" * (1 << 20) + "\n1;2\n3;4\n")) == ";"
