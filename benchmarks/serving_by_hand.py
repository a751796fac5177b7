"""An endpoint as one writes it with FastAPI: `python -m benchmarks.serving_by_hand RUN_DIR [--port 8000]`.

The network, scaling and vocabulary are those of the run; a request is validated by pydantic and predicted by itself: in
a thread of FastAPI's pool, as its documentation advises for what blocks, or with --asynchronous in the event loop.
"""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from dlrun.cli.saved_run import compose_run
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.loading.split import scaling_tensors
from dlrun.data.texts.classification import TextEncoder
from dlrun.runs.loaded_run import load_run
from dlrun.tasks.task import SupervisedTask


class Text(BaseModel):
    """A row of a model of texts."""

    text: str


class Inputs(BaseModel):
    """Nested numbers, of which the network knows the shape."""

    inputs: list[list[float]] | list[list[list[list[float]]]]


class Texts(BaseModel):
    """Rows of a model of texts."""

    rows: list[Text]


def application(folder: Path, *, asynchronous: bool) -> FastAPI:
    """Return the endpoint of a run. asynchronous: predicted in the event loop, instead of in a thread."""
    catalog = Catalog()
    run = load_run(compose_run(folder, (), catalog).config, catalog, folder)
    task, encoder, names = run.task, run.encoder, run.spec.class_names
    assert isinstance(task, SupervisedTask)
    model, scaling = task.model, scaling_tensors(run.spec.scaling, ndim=1 + len(run.spec.shape))
    app = FastAPI()

    def answers(logits: torch.Tensor) -> dict[str, Any]:
        chosen = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)
        return {"predictions": [{"prediction": names[number]} for number in chosen.tolist()]}

    def texts(body: Texts) -> dict[str, Any]:
        assert isinstance(encoder, TextEncoder)
        with torch.inference_mode():
            return answers(model(*encoder.padded([row.text for row in body.rows])))

    def numbers(body: Inputs) -> dict[str, Any]:
        with torch.inference_mode():
            inputs = torch.tensor(body.inputs)
            return answers(model(inputs if scaling is None else (inputs - scaling[0]) * scaling[1]))

    async def texts_in_loop(body: Texts) -> dict[str, Any]:
        return texts(body)

    async def numbers_in_loop(body: Inputs) -> dict[str, Any]:
        return numbers(body)

    if isinstance(encoder, TextEncoder):
        app.post("/predict", response_model=None)(texts_in_loop if asynchronous else texts)
    else:
        app.post("/predict", response_model=None)(numbers_in_loop if asynchronous else numbers)
    return app


def main() -> None:
    """Serve a run until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--asynchronous", action="store_true", help="predict in the event loop, not in a thread")
    asked = parser.parse_args()
    app = application(asked.run, asynchronous=asked.asynchronous)
    torch.set_num_threads(1)
    with socket.create_server(("127.0.0.1", asked.port)) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}/", file=sys.stderr, flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listening])


if __name__ == "__main__":
    main()
