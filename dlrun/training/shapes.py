"""Follow shapes through a model: which layer fails, what it got and what it expects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dlrun.configuration.schema.user_code import lines_of
from dlrun.training.expected_shapes import misfit
from dlrun.wording import printable

_SHOWN = 4  # layers before the one that fails
_ELSEWHERE = ("tensors to be on the same device", "and weight type")
"""What torch says, on a GPU, of a tensor that is on another device than the rows."""
_STAYED = (
    "What a model does not register stays on the CPU: keep layers in nn.ModuleList or nn.Sequential instead of a plain "
    "list, and other tensors with self.register_buffer(name, tensor)"
)
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One call of a layer. name: as in the model, "" for the model itself. output: its shape; None for no tensor."""

    name: str
    module: nn.Module
    inputs: tuple[Any, ...]
    output: Shape | None = None
    output_bytes: int = 0
    input_bytes: int = 0

    @property
    def is_layer(self) -> bool:
        """Whether it has no layers of its own inside."""
        return _is_leaf(self.module)

    def describe(self) -> str:
        """Return name and module, as `describe_module`."""
        return describe_module(self.name, self.module)


def describe_module(name: str, module: nn.Module) -> str:
    """Return `layers.5, Linear(in_features=4, out_features=8, bias=True)`; of a module with layers inside its class."""
    kind = printable(repr(module)) if _is_leaf(module) else type(module).__name__
    return f"{name}, {kind}" if name else kind


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


@dataclass
class Trace:
    """The calls of a forward pass, in the order in which they ended, and those that have not."""

    done: list[Call] = field(default_factory=list)
    running: list[Call] = field(default_factory=list)

    @contextmanager
    def of(self, model: nn.Module) -> Iterator[None]:
        """A context in which every call of a layer of `model` is recorded."""

        def before(name: str) -> Any:
            def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
                self.running.append(Call(name, module, args))

            return hook

        def after(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            while self.running.pop().module is not module:  # a call inside it failed, and the model went on
                pass
            tensors = _tensors(output)
            shape = tuple(tensors[0].shape) if tensors else None
            self.done.append(Call(names[module], module, (), shape, _bytes(tensors), _bytes(_tensors(args))))

        names: dict[nn.Module, str] = {}
        with ExitStack() as hooks:
            for name, module in model.named_modules():
                names[module] = name
                hooks.callback(module.register_forward_pre_hook(before(name)).remove)
                hooks.callback(module.register_forward_hook(after).remove)
            yield

    def explain(self, error: BaseException, files: Sequence[Path] = ()) -> str:
        """Return in words where a forward pass failed: the layer, what it got and expects, and the layers before it.

        files: of the user, in which the line that failed is named.
        """
        where = lines_of(error, files)
        at = f" ({where})" if where else ""
        if not self.running:
            return f"{type(error).__name__}: {error}{at}"
        call = self.running[-1]
        found = misfit(call.module, call.inputs) if call.is_layer else None
        label = f"The layer {call.describe()}" if call.name else f"The model, {call.describe()}"
        if found is None:
            got = " and ".join(str(tuple(each.shape)) for each in _tensors(call.inputs)) or "no tensor"
            inside = "," if call.is_layer else ", in the code of its forward,"
            text = f"{label}{inside} fails on {got}{at}: {type(error).__name__}: {error}"
            if any(sign in text for sign in _ELSEWHERE):
                text = f"{text.rstrip('. ')}. {_STAYED}"
        else:
            what, _, cure = found.partition(". ")
            text = f"{label}, {what.rstrip('.')}{at}. {cure}"
        return f"{text.rstrip('. ')}.{self._layers_before()}"

    def _layers_before(self) -> str:
        layers = [call for call in self.done if call.is_layer]
        if not layers:
            return ""
        shown = [f"{call.name or 'model'} {type(call.module).__name__} -> {call.output}" for call in layers[-_SHOWN:]]
        return f" Before it: {'...; ' if len(layers) > _SHOWN else ''}{'; '.join(shown)}."

    def last_layer(self) -> Call | None:
        """The last layer with weights that was called, if any."""
        calls = [call for call in self.done if next(call.module.parameters(recurse=False), None) is not None]
        return calls[-1] if calls else None

    @property
    def largest_call_bytes(self) -> int:
        """The most that one layer's inputs and outputs need together."""
        return max((call.input_bytes + call.output_bytes for call in self.done if call.is_layer), default=0)


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in the arguments or outputs of a layer."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [tensor for each in value for tensor in _tensors(each)]
    return []


def _bytes(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)
