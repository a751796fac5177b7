"""dlrun.runs.serving.batching: requests that wait together are predicted together, within bounds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from dlrun.errors import DataError
from dlrun.runs.serving.batching import Batcher, rows_of
from dlrun.runs.serving.metrics import Counters
from dlrun.runs.serving.requests import PredictionRequest, Refused
from dlrun.runs.serving.served import Served

ABOUT = {
    "inputs": [{"name": "inputs", "dtype": "float32", "shape": ["batch", 1]}],
    "preprocessing": {"kind": "numbers", "columns": ["x"]},
}


class Doubling(Served):
    """Doubles numbers; fails on 13. It waits for `gate`, and says in `sizes` how many rows came at once."""

    def __init__(self, *, most_rows: int = 4) -> None:
        super().__init__(ABOUT, most_rows=most_rows)
        self.gate, self.sizes = threading.Event(), list[int]()

    def outputs(self, inputs: Any) -> Any:
        self.gate.wait(10)
        values = inputs["inputs"]
        self.sizes.append(len(values))
        if (values == 13).any():
            raise ZeroDivisionError("thirteen")
        return values * 2

    def columns(self, outputs: Sequence[Any], *, probabilities: bool) -> Mapping[str, list[Any]]:
        whole = np.concatenate(outputs)[:, 0].tolist()
        return {"prediction": whole, **({"probability_x": whole} if probabilities else {})}


def asked(*numbers: float, **options: Any) -> PredictionRequest:
    return PredictionRequest([[number] for number in numbers], **options)


def predictions(
    model: Doubling,
    requests: Sequence[PredictionRequest],
    *,
    most_waiting: int = 9,
    timeout_s: float = 10,
    told: list[str] | None = None,
) -> list[Any]:
    """Return what each request gets; all but the first wait until the first is being predicted."""
    notes: list[str] = [] if told is None else told

    async def run() -> list[Any]:
        batcher = Batcher(model, Counters(), most_waiting=most_waiting, tell=notes.append)
        batcher.start()
        tasks = []
        for request in requests:
            tasks.append(asyncio.create_task(batcher.predict(request, timeout_s=timeout_s)))
            await asyncio.sleep(0)
            while len(tasks) == 1 and batcher.num_waiting:
                await asyncio.sleep(0.001)
        if timeout_s >= 1:
            model.gate.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        model.gate.set()
        await asyncio.to_thread(batcher.close)
        return found

    return asyncio.run(run())


def test_what_waits_together_is_predicted_together() -> None:
    model = Doubling()
    found = predictions(model, [asked(1), asked(2, 3), asked(4, probabilities=True), asked(5), asked(6)])
    assert found == [
        [{"prediction": 2}],
        [{"prediction": 4}, {"prediction": 6}],
        [{"prediction": 8, "probability_x": 8}],
        [{"prediction": 10}],
        [{"prediction": 12}],
    ]
    assert model.sizes == [1, 4, 1]


def test_a_request_of_more_rows_than_a_batch_is_cut() -> None:
    model = Doubling(most_rows=2)
    assert predictions(model, [asked(1, 2, 3, 4, 5)])[0][4] == {"prediction": 10}
    assert model.sizes == [2, 2, 1]


def test_only_what_fails_by_itself_is_refused() -> None:
    told: list[str] = []
    found = predictions(Doubling(), [asked(1), asked(2), asked(13), asked(3), asked("x")], told=told)  # type: ignore[arg-type]
    assert [found[0], found[1], found[3]] == [[{"prediction": 2}], [{"prediction": 4}], [{"prediction": 6}]]
    assert (found[2].status, found[4].status) == (500, 422)
    assert found[2].faults[0].reason == "The model failed on these rows; the server's standard error says how."
    assert (found[4].faults[0].field, found[4].faults[0].reason) == (
        "rows[0].x",
        'Expected a finite number, got "x".',
    )
    assert told == ["the model failed: ZeroDivisionError: thirteen"] * 2


def test_a_full_queue_is_told_at_once() -> None:
    found = predictions(Doubling(), [asked(1), asked(2), asked(3)], most_waiting=1)
    assert found[:2] == [[{"prediction": 2}], [{"prediction": 4}]]
    assert isinstance(found[2], Refused)
    assert (found[2].status, found[2].faults[0].reason) == (503, "1 requests wait already; try again in a second.")


def test_what_takes_too_long_is_told_and_left() -> None:
    model = Doubling()
    found = predictions(model, [asked(1), asked(2)], timeout_s=0.05)
    assert [(each.status, each.faults[0].reason) for each in found] == [
        (504, "No predictions within 0.05 seconds.")
    ] * 2
    assert model.sizes == [1]  # nobody waits for the second


def test_what_waits_when_the_server_ends_is_finished() -> None:
    model = Doubling()

    async def run() -> Any:
        batcher = Batcher(model, Counters(), most_waiting=9, tell=print)
        batcher.start()
        tasks = [asyncio.create_task(batcher.predict(asked(number), timeout_s=10)) for number in range(3)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(batcher.close))
        await asyncio.sleep(0.01)
        model.gate.set()
        await closing
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == [[{"prediction": 0}], [{"prediction": 2}], [{"prediction": 4}]]


def test_rows_of_columns() -> None:
    assert list(rows_of({"a": [1, 2], "b": ["x", "y"]})) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    with pytest.raises(DataError, match="There is no row"):
        Doubling().encode([], raw=False)
