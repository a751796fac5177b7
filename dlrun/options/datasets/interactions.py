"""Who rated what, and how high: triples of user, item and rating."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from dlrun.configuration.schema.fields import DataPath
from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.source import Encoded, Source
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.rows import read_rows
from dlrun.data.tables.source import TableSettings, table_source
from dlrun.errors import DataError
from dlrun.wording import printable

_MOST = 10_000_000  # users or items


class InteractionsEncoder(TableEncoder):
    """Users and items as codes, 0 for those never seen in training, (N, 2)."""

    def chunks(self, path: Path) -> Iterator[Encoded]:
        for rows in self.blocks(path):
            names = {
                column.name: [
                    rows.words[column.name][int(code)] if code == code else None for code in rows.raw[:, place]
                ]
                for place, column in enumerate(self.columns)
            }
            yield Encoded(torch.from_numpy(self._finished(rows.raw, rows.words)), columns=names)

    def candidates(self, path: Path) -> Iterator[Encoded]:
        """Every known item for each user in a file that has a column of users.

        Raises DataError for a user who is in no training row.
        """
        users, items = self.columns
        file = ArrowTable(path, delimiter=self._delimiter, encoding=self._encoding)
        if users.name not in file.names:
            raise DataError(f'{file.shown}: there is no column "{printable(users.name)}" of users.')
        rows = read_rows(file, [users], required=[users.name])
        known = {name: code for code, name in enumerate(self.kept[users.name], start=1)}
        names = self.kept[items.name]
        codes = torch.arange(1, len(names) + 1, dtype=torch.float32)  # (I,)
        for record, code in enumerate(rows.raw[:, 0]):
            user = rows.words[users.name][int(code)]
            if user not in known:
                (line,) = file.lines_of([record])
                raise DataError(f'{file.shown}: line {line}: the user "{printable(user)}" is in no training row.')
            pairs = torch.stack([torch.full_like(codes, known[user]), codes], dim=1)  # (I,) -> (I, 2)
            yield Encoded(pairs, columns={users.name: [user] * len(names), items.name: names})


def interactions(
    *,
    path: DataPath,
    user: str,
    item: str,
    rating: str,
    val: DataPath | None,
    test: DataPath | None,
    on_bad_row: Literal["stop", "skip"],
    delimiter: str,
    encoding: str,
) -> Source:
    """User and item as codes, (N, 2), and the rating to predict.

    Raises DataError naming file, line and column.
    """
    return table_source(
        TableSettings(
            name="interactions",
            path=path,
            target=rating,
            val=val,
            test=test,
            task="regression",
            only={user: "category", item: "category"},
            embed=True,
            max_categories=_MOST,
            missing="error",
            skip_bad=on_bad_row == "skip",
            delimiter=delimiter,
            encoding=encoding,
        ),
        encoder=InteractionsEncoder,
    )


def encoder(state: Mapping[str, Any]) -> InteractionsEncoder:
    """How new pairs are read, as a checkpoint kept it."""
    return InteractionsEncoder.restored(state)
