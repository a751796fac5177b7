"""The training step of a small model as one CUDA graph: launched at once instead of kernel by kernel.

Forward pass, backward pass, clipping and the optimizer's step are captured together, for batches of one shape. The
learning rate is read from a tensor, so that schedules work; torch registers its random generator, so that every replay
draws other dropout masks, the ones that the eager step would draw. Any other batch takes the eager step.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dlrun.data.spec import Batch
from dlrun.optim.loss_scaling import drop_scaled_steps
from dlrun.optim.updater import Updater
from dlrun.tasks.task import Task, Update
from dlrun.training.graphs.changed import CLOSE, Changed, Copy
from dlrun.training.graphs.static_batch import StaticBatch
from dlrun.wording import duration, first_line

WARM_UP = 3
"""Eager steps before the capture, as torch advises: they allocate buffers and choose kernels."""


class GraphedStep:
    """The step of a task, captured after a few steps and replayed from then on; call it as `task.train_step`.

    A captured step is used only if its first replay gives what the eager step gives from the same state, and otherwise
    the run goes on with eager steps, from the eager result. `tell` receives the time it took, or why it is not used.
    rows: of a batch of full size.
    """

    def __init__(
        self, task: Task, updater: Updater, *, device: torch.device, rows: int, tell: Callable[[str], None]
    ) -> None:
        self._task, self._updater, self._device = task, updater, device
        self._tell = tell
        self._batch = StaticBatch(rows)
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._rates = [
            (group, torch.zeros((), device=device))
            for optimizer in updater.optimizers.values()
            for group in optimizer.param_groups
        ]
        self._filled: list[float | None] = []
        self._graph: torch.cuda.CUDAGraph | None = None
        self._outputs: dict[str, Tensor] = {}
        self._given_up = False
        self._begin()

    def __call__(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        if self._given_up:
            return self._task.train_step(batch, update)
        if self._updater.num_forgotten != self._num_forgotten:
            self._begin()
        if not self._batch.fits(batch):
            return self._task.train_step(batch, update)
        static = self._batch.filled(batch)
        if self._graph is not None:
            return self._replay(self._graph)
        if self._num_warm < WARM_UP:
            self._num_warm += 1
            return self._aside(static)
        return self._first_use(static)

    def _begin(self) -> None:
        """Begin with eager steps: the tensors that a graph would read and write are new."""
        self._graph, self._num_warm, self._filled = None, 0, [None] * len(self._rates)
        self._num_forgotten = self._updater.num_forgotten

    def _aside(self, static: Batch) -> dict[str, Tensor]:
        """Take the eager step on a stream of its own, as capturing needs it."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            found = self._task.train_step(static, self._updater)
        current.wait_stream(self._stream)
        for value in found.values():
            if value.is_cuda:
                value.record_stream(current)
        return found

    def _first_use(self, static: Batch) -> dict[str, Tensor]:
        """Take a step twice: eagerly, which also shows whether it can be captured, and by the first replay."""
        torch.cuda.synchronize(self._device)
        started = time.perf_counter()
        changed = Changed(self._task, self._updater, device=self._device)
        before = changed.copy()
        try:
            with _no_waiting():
                found = self._aside(static)
        except RuntimeError as error:
            self._go_back_to(before, changed)
            return self._give_up(f"a step cannot be captured ({first_cause(error)})", self._aside(static))
        if not all(isinstance(value, Tensor) and value.is_cuda for value in found.values()):
            return self._give_up("a metric of the step is not computed on the GPU", found)
        after = changed.copy()
        eager = {name: value.clone() for name, value in found.items()}
        changed.restore(before)
        try:
            replayed = self._replay(self._capture(static))
            distance = changed.distance(before=before, after=after)
        except RuntimeError as error:
            self._go_back_to(after, changed, renew=True)
            return self._give_up(f"capturing the step failed ({first_cause(error)})", eager)
        if distance > CLOSE:
            self._go_back_to(after, changed)
            return self._give_up(f"its result was {distance:.0%} of a step away from the eager one", eager)
        spent = duration(time.perf_counter() - started)
        same = "the same bytes as" if distance == 0.0 else f"{distance:.1e} of a step away from"
        self._tell(f"A step runs as one CUDA graph from now on: captured in {spent}, {same} the eager step.")
        return replayed

    def _capture(self, static: Batch) -> torch.cuda.CUDAGraph:
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self._device)
        try:
            with (
                self._capturable(),
                # threads that pin memory or write checkpoints may go on meanwhile
                torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"),
            ):
                found = self._task.train_step(static, self._updater)
        finally:
            torch.cuda.set_stream(current)  # after a capture that cannot be ended, torch stays on its stream
        self._graph, self._outputs = graph, {name: value.detach() for name, value in found.items()}
        return graph

    @contextlib.contextmanager
    def _capturable(self) -> Iterator[None]:
        """A context in which the optimizers read their learning rates from the tensors that replays fill.

        `capturable` says so to those that torch steps, with loss scaling; fused ones compute the same with it.
        """
        before = [dict(group) for group, _ in self._rates]
        for group, tensor in self._rates:
            group.update({"lr": tensor, "capturable": True} if "capturable" in group else {"lr": tensor})
        try:
            yield
        finally:
            for (group, _), values in zip(self._rates, before, strict=True):
                group.update(values)

    def _replay(self, graph: torch.cuda.CUDAGraph) -> dict[str, Tensor]:
        for number, (group, tensor) in enumerate(self._rates):
            if self._filled[number] != group["lr"]:
                self._filled[number] = group["lr"]
                tensor.fill_(group["lr"])
        graph.replay()
        return self._outputs

    def _go_back_to(self, copy: Copy, changed: Changed, *, renew: bool = False) -> None:
        """Drop the graph and what a step that failed has begun; restore a copy. renew: the random generator as well."""
        torch.cuda.synchronize(self._device)  # kernels of the step may still run on its own stream
        self._graph, self._outputs = None, {}
        drop_scaled_steps(self._updater.scalers.values())
        if renew:  # a capture that failed leaves the generator in the middle of it
            fresh = torch.Generator(self._device)
            torch.cuda.default_generators[self._index].graphsafe_set_state(fresh.graphsafe_get_state())
        changed.restore(copy)

    @property
    def _index(self) -> int:
        return torch.cuda.current_device() if self._device.index is None else self._device.index

    def _give_up(self, why: str, found: dict[str, Tensor]) -> dict[str, Tensor]:
        """Take eager steps from now on, and say why."""
        self._given_up = True
        self._tell(f"CUDA graphs are not used: {why}. Steps are taken kernel by kernel.")
        return found


@contextlib.contextmanager
def _no_waiting() -> Iterator[None]:
    """A context in which torch raises RuntimeError where it would wait for the GPU."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that it does not find every case; capturing does
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def first_cause(error: BaseException) -> str:
    """Return the first line of the error that came first: ending a capture that failed raises another one."""
    while error.__context__ is not None:
        error = error.__context__
    return first_line(error).rstrip(".")
