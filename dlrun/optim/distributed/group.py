"""The processes that train one model together, and what they tell each other: sums, plain values, tensors.

Whatever is told is told in a collective call: all processes of the group make the same calls in the same order. A
process that trains alone is a group of one, whose calls return at once, so that no other code needs a special case.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dlrun.data.loading.shard import BatchPart, Shard
from dlrun.optim.distributed.lost import telling_of_loss
from dlrun.optim.distributed.wishes import Wishes

if TYPE_CHECKING:
    from dlrun.optim.distributed.shards import Shards


class Group:
    """A group of `size` processes, of which this one has a rank, from 0.

    part: which rows of the whole batch the current forward pass has; None if it has all of them.
    wishes: of each process, such as to stop, which all learn of after the same step. hosts: of each process, by rank.
    drew_by_shape: whether random numbers were drawn here of which other processes may have drawn more or fewer.
    local_rank, local_size: the place among the processes on this machine. shards: the parts of the model that this
    process holds; None if it has all of it.
    """

    def __init__(
        self, rank: int = 0, size: int = 1, local_rank: int = 0, local_size: int = 1, *, hosts: Sequence[str] = ()
    ) -> None:
        self.rank, self.size = self._place = rank, size
        self.local_rank, self.local_size = local_rank, local_size
        self.hosts = hosts
        self.shards: Shards | None = None
        self.part: BatchPart | None = None
        self.drew_by_shape = False
        self.wishes = Wishes()

    @property
    def is_alone(self) -> bool:
        """Whether this process trains by itself."""
        return self.size == 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes the run's folder and its console."""
        return self.rank == 0

    @property
    def has_no_row(self) -> bool:
        """Whether the current forward pass has no row of the whole batch, but one that only fills it."""
        return self.part is not None and self.part.is_empty

    @property
    def shard(self) -> Shard:
        """Which rows of every batch this process takes."""
        return Shard(self.rank, self.size)

    def leave(self) -> None:
        """From now on act alone, on whole batches, while the other processes wait or are done."""
        self._place = self.rank, self.size
        self.rank, self.size, self.part = 0, 1, None

    def rejoin(self) -> None:
        """Act in the group again, after `leave`."""
        self.rank, self.size = self._place

    def add(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over all processes."""
        if not self.is_alone:
            with telling_of_loss():
                torch.distributed.all_reduce(tensor)

    def totals(self, values: Sequence[float]) -> list[float]:
        """Return the sum of each number over all processes, in float64."""
        if self.is_alone:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64)
        self.add(sums)
        return sums.tolist()

    def sums(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the sum of each named number over all processes; the names are the same in all of them."""
        return dict(zip(values, self.totals(list(values.values())), strict=True))

    def from_first(self, value: Any) -> Any:
        """Return the plain value that the first process gives."""
        return value if self.is_alone else self._broadcast(value if self.is_first else None)

    def gathered(self, value: Any) -> list[Any]:
        """Return the plain values of all processes, by rank."""
        if self.is_alone:
            return [value]
        return [self._broadcast(value if rank == self.rank else None, source=rank) for rank in range(self.size)]

    def joined(self, tensor: Tensor) -> Tensor:
        """Return the rows of all processes, one after another in the order of the ranks; (N of each, ...)."""
        if self.is_alone:
            return tensor
        counts = self.gathered(len(tensor))
        parts = [
            tensor.contiguous() if rank == self.rank else tensor.new_empty((count, *tensor.shape[1:]))
            for rank, count in enumerate(counts)
        ]
        for rank, rows in enumerate(parts):
            with telling_of_loss():
                torch.distributed.broadcast(rows, rank)
        return torch.cat(parts)

    def copy_from_first(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by those of the first process, of the same shapes and types."""
        if self.is_alone:
            return
        for tensor in tensors:
            with telling_of_loss():
                sent = tensor.detach().contiguous()  # also of a scalar, as a copy if it is not dense
                torch.distributed.broadcast(sent, 0)
            if sent.data_ptr() != tensor.data_ptr():
                tensor.detach().copy_(sent)

    def tensors_from_first(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the named tensors of the first process, on the CPU; what the others give is not used."""
        if self.is_alone:
            return dict(tensors)
        found = self.from_first([(name, list(each.shape), str(each.dtype)) for name, each in tensors.items()])
        received = {
            name: tensors[name].detach().cpu() if self.is_first else torch.empty(shape, dtype=_dtype(kind))
            for name, shape, kind in found
        }
        self.copy_from_first(list(received.values()))
        return received

    def share_random_state(self) -> None:
        """Continue with the random state of the first process, of torch on the CPU and on this process's GPU."""
        self.drew_by_shape = False
        if self.is_alone:
            return
        states = [torch.get_rng_state()]
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            states.append(torch.cuda.get_rng_state())
        self.copy_from_first(states)
        torch.set_rng_state(states[0])
        if len(states) > 1:
            torch.cuda.set_rng_state(states[1])

    def exchange_wishes(self) -> None:
        """Tell all processes what each wishes."""
        self.wishes.hear(self.totals(self.wishes.own()))

    def wait(self) -> None:
        """Wait until every process has come here."""
        self.totals([0.0])

    def _broadcast(self, value: Any, *, source: int = 0) -> Any:
        """Send a plain value as JSON, which unlike pickle contains no code."""
        text = json.dumps(value).encode() if self.rank == source else b""
        size = torch.tensor([len(text)])
        with telling_of_loss():
            torch.distributed.broadcast(size, source)
            sent = torch.frombuffer(bytearray(text or b" "), dtype=torch.uint8)
            if self.rank != source:
                sent = torch.empty(int(size), dtype=torch.uint8)
            torch.distributed.broadcast(sent, source)
        return value if self.rank == source else json.loads(bytes(sent.tolist()))


def _dtype(name: str) -> torch.dtype:
    found: torch.dtype = getattr(torch, name.removeprefix("torch."))
    return found
