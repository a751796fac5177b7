"""A model that is served: a run's best checkpoint or an exported file, from rows to the columns of `dlrun predict`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.spec import Batch
from dlrun.data.texts.language import LanguageEncoder
from dlrun.data.texts.tokenizer import Tokenizer, restored_tokenizer
from dlrun.errors import ConfigError, Problem
from dlrun.runs.export.answers import answers
from dlrun.runs.export.description import describe
from dlrun.runs.export.example import example_row
from dlrun.runs.export.graph import preprocessor_of
from dlrun.runs.export.opened import ExportedModel
from dlrun.runs.export.postprocessors import postprocessor_of
from dlrun.runs.export.rows import Row, RowEncoder, RowError
from dlrun.runs.export.values import Arrays
from dlrun.runs.generate import continued_text, generate_text
from dlrun.runs.loaded_run import LoadedRun
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask
from dlrun.wording import plural

_NO_GENERATOR = "This model generates samples and predicts nothing, so there is nothing to serve."


class Served(ABC):
    """What a server needs of a model. Only one thread uses it, which calls `enter_thread` first.

    about: what an export's JSON says: `preprocessing`, `inputs`, `outputs`. most_rows: that it is given at once.
    """

    def __init__(self, about: Mapping[str, Any], *, most_rows: int) -> None:
        self.about, self.most_rows = about, most_rows
        self._encode = RowEncoder(about)
        self._encode_raw = RowEncoder({**about, "preprocessing": {"kind": "arrays"}})
        self._num_ids = _num_ids(about)

    @property
    def kind(self) -> str:
        """How rows are made into inputs: numbers, table, text, language, series, images, audio or arrays."""
        return str(self.about["preprocessing"]["kind"])

    @property
    def takes_inputs(self) -> bool:
        """Whether a row may be given as the nested numbers of one input, instead of its columns."""
        names = [value["name"] for value in self.about["inputs"]]
        return self.kind not in ("table", "language") and names[1:] in ([], ["lengths"])

    @property
    def example(self) -> Row:
        """A row of ordinary values; None where a row is a file or nested numbers."""
        listed = self.about.get("example")
        return listed["row"] if listed else None

    def enter_thread(self) -> None:  # noqa: B027 - most need nothing
        """Prepare the thread that uses the model."""

    def encode(self, rows: Sequence[Row], *, raw: bool, most_pixels: int | None = None) -> Arrays:
        """Return the inputs of some rows.

        raw: whether each row is the nested numbers of the first input. most_pixels: of their images, before they are
        made smaller; None: any number.

        Raises RowError for a row that is none of this model's.
        """
        if not raw and self.kind != "arrays":
            return self._encode(rows, most_pixels=most_pixels)
        is_whole = self.about["inputs"][0]["dtype"] == "int64"
        allowed = {int} if is_whole else {int, float}
        for number, row in enumerate(rows, start=1):
            if not leaf_types(row) <= allowed:
                raise RowError(number, None, f"expected nested {'whole ' if is_whole else ''}numbers.")
        with np.errstate(over="ignore"):  # what does not fit is told as not finite
            found = self._encode_raw(rows)
        self._check_raw(found)
        return found

    def _check_raw(self, found: Arrays) -> None:
        """What a model may not be given: a row without steps, or with too many; ids that it does not have."""
        first = self.about["inputs"][0]
        values, most = found[first["name"]], first.get("longest")
        lengths = found.get("lengths", np.full(len(values), values.shape[1]))
        for number, length in enumerate(lengths.tolist(), start=1):
            if length < 1 or (most is not None and length > most):
                raise RowError(number, None, f"expected 1 to {plural(most, 'step')}, got {length}.")
        if values.dtype == np.int64:
            wrong = np.argwhere(((values < 0) | (values >= self._num_ids)).any(axis=1))
            if len(wrong):
                what = f"expected ids from 0 to {self._num_ids - 1}."
                raise RowError(int(wrong[0, 0]) + 1, None, what)

    @abstractmethod
    def outputs(self, inputs: Arrays) -> Any:
        """Return what the model makes of inputs, at most `most_rows`."""

    @abstractmethod
    def columns(self, outputs: Sequence[Any], *, probabilities: bool) -> Mapping[str, list[Any]]:
        """Return several `outputs`, one after the other, as {heading: column}, with the headings of `dlrun predict`."""

    def continued(self, prompt: str, *, length: int, temperature: float) -> str:
        """Return a prompt with the text that a language model continues it with, by `length` tokens."""
        raise NotImplementedError(prompt, length, temperature)


def _num_ids(about: Mapping[str, Any]) -> int:
    how = about["preprocessing"]
    if "tokenizer" in how:
        return restored_tokenizer(how["tokenizer"]).size
    return int(how.get("vocabulary_size") or 0)


class ServedRun(Served):
    """A run's best checkpoint."""

    def __init__(self, run: LoadedRun, *, name: str) -> None:
        """name: of the run's folder. Raises ConfigError for a model that predicts nothing."""
        task, spec = run.task, run.spec
        if not isinstance(task, SupervisedTask):
            raise ConfigError(Problem(f"model={run.config.model.name}", _NO_GENERATOR))
        self._run, self._task = run, task
        self._threads = torch.get_num_threads()
        self._preprocessor = preprocessor_of(run, spec).to(run.device.torch).eval()
        self._names = [value.name for value in self._preprocessor.values]
        about = describe(
            run,
            content=b"",
            name=name,
            kind="torch",
            inputs=self._preprocessor.values,
            outputs=postprocessor_of(spec).values,
        )
        row = example_row(about, spec)
        about["example"] = None if row is None else {"row": row}
        super().__init__(about, most_rows=max(1, min(run.config.trainer.eval_batch_size, 256)))

    def enter_thread(self) -> None:
        torch.set_num_threads(self._threads)  # these two are settings of a thread
        torch.set_flush_denormal(True)

    def outputs(self, inputs: Arrays) -> Tensor:
        device = self._run.device
        with torch.inference_mode(), device.autocast():
            given = [torch.from_numpy(inputs[name]).to(device.torch) for name in self._names]
            values, lengths = self._preprocessor(*given)
            targets = torch.zeros(len(values), dtype=torch.int64)
            found: Tensor = self._task(Batch(values, targets, lengths))
            return found.float().cpu()  # (B, K)

    def columns(self, outputs: Sequence[Tensor], *, probabilities: bool) -> Mapping[str, list[Any]]:
        spec = self._run.spec
        with torch.inference_mode():
            whole = outputs[0] if len(outputs) == 1 else torch.cat(list(outputs))
            can = probabilities and not goal_of(spec).predicts_numbers
            return goal_of(spec).columns(spec, whole, probabilities=can)

    def continued(self, prompt: str, *, length: int, temperature: float) -> str:
        encoder = self._run.encoder
        if not isinstance(encoder, LanguageEncoder):
            raise TypeError("only a language model continues texts")
        seed = self._run.config.seed
        with self._run.device.autocast():
            return generate_text(self._task, encoder, prompt, length=length, temperature=temperature, seed=seed)


class ServedFile(Served):
    """An exported file."""

    def __init__(self, model: ExportedModel) -> None:
        """Raises ConfigError for a file that predicts nothing."""
        about, name = model.about, str(model.about["file"]["name"])
        if about["preprocessing"]["kind"] == "noise":
            raise ConfigError(Problem(name, _NO_GENERATOR))
        self._model = model
        super().__init__(about, most_rows=1 if about["file"]["format"] == "executorch" else 256)

    def outputs(self, inputs: Arrays) -> Arrays:
        return self._model.run(inputs)

    def columns(self, outputs: Sequence[Arrays], *, probabilities: bool) -> Mapping[str, list[Any]]:
        names = [value["name"] for value in self.about["outputs"]]
        whole = {name: np.concatenate([each[name] for each in outputs]) for name in names}
        return answers(self.about["outputs"], whole, probabilities=probabilities)

    def continued(self, prompt: str, *, length: int, temperature: float) -> str:
        how = self.about["preprocessing"]
        seed = int(self.about["run"].get("seed", 0))  # files of earlier versions do not have it
        return continued_text(
            self._next_logits,
            self._tokenizer,
            prompt,
            context=how["max_length"],
            length=length,
            temperature=temperature,
            seed=seed,
        )

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return restored_tokenizer(self.about["preprocessing"]["tokenizer"])

    def _next_logits(self, window: list[int]) -> Tensor:
        given = {"tokens": np.array([window], dtype=np.int64)}  # (1, T)
        return torch.from_numpy(self._model.run(given)["logits"][0, len(window) - 1])  # (1, T, V) -> (V,)


def leaf_types(value: Any) -> set[type]:
    """Return the types of what nested lists hold; `list` is one of them where lists are beside values.

    NumPy would make room for texts, each as wide as the longest: a small body could fill the memory.
    """
    level = [value]
    while True:
        found = set(map(type, level))
        if found != {list}:
            return found
        level = list(chain.from_iterable(level))


def joined(parts: Sequence[Arrays]) -> Arrays:
    """Return the inputs of several requests as one; rows of fewer steps get the padding of the longest."""
    if len(parts) == 1:
        return parts[0]
    found: dict[str, NDArray[Any]] = {}
    for name in parts[0]:
        arrays = [part[name] for part in parts]
        if len({array.shape[1:] for array in arrays}) > 1:
            longest = max(array.shape[1] for array in arrays)
            arrays = [_widened(array, longest) for array in arrays]
        found[name] = np.concatenate(arrays)
    return found


def _widened(array: NDArray[Any], longest: int) -> NDArray[Any]:
    """(B, T, ...) -> (B, longest, ...), with zeros."""
    more = [(0, 0), (0, longest - array.shape[1]), *((0, 0),) * (array.ndim - 2)]
    return np.pad(array, more)


def part_of(inputs: Arrays, rows: slice) -> Arrays:
    """Return some of the rows."""
    return {name: array[rows] for name, array in inputs.items()}
