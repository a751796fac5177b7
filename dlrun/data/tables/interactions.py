"""New pairs of user and item for a recommender, and for each user a row for every item."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.source import Encoded
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.rows import read_rows
from dlrun.errors import DataError, did_you_mean
from dlrun.wording import printable


class InteractionsEncoder(TableEncoder):
    """Users and items as codes, 0 for those in no training row, (N, 2)."""

    def chunks(self, path: Path) -> Iterator[Encoded]:
        for rows in self.read(path):
            names = {
                column.name: [
                    rows.words[column.name][int(code)] if code == code else None for code in rows.raw[:, place]
                ]
                for place, column in enumerate(self.columns)
            }
            yield Encoded(torch.from_numpy(self._features(rows.raw, rows.words)), columns=names)

    def candidates(self, path: Path) -> Iterator[Encoded]:
        """Yield every known item for each user of a file with a column of users.

        Raises DataError for a user who is not in the training rows.
        """
        users, items = self.columns
        file = ArrowTable(path, delimiter=self._delimiter, encoding=self._encoding)
        if users.name not in file.names:
            what = f'there is no column "{printable(users.name)}" of users.'
            raise DataError(f"{file.shown}: {what} {did_you_mean(users.name, file.names)}".rstrip())
        rows = read_rows(file, [users], required=[users.name])
        known = {name: code for code, name in enumerate(self.known[users.name], start=1)}
        names = self.known[items.name]
        codes = torch.arange(1, len(names) + 1, dtype=torch.float32)  # (I,)
        for record, code in enumerate(rows.raw[:, 0]):
            user = rows.words[users.name][int(code)]
            if user not in known:
                (line,) = file.lines_of([record])
                raise DataError(f'{file.shown}: line {line}: no training row has the user "{printable(user)}".')
            pairs = torch.stack([torch.full_like(codes, known[user]), codes], dim=1)  # (I,) -> (I, 2)
            yield Encoded(pairs, columns={users.name: [user] * len(names), items.name: names})
