"""Explain a run's predictions of new rows, with its best checkpoint; only the run's folder is needed, not its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.status_line import long_work
from dlrun.data.goals import has_tokens
from dlrun.data.media.audio import AudioEncoder
from dlrun.data.tables.interactions import InteractionsEncoder
from dlrun.errors import ConfigError, Problem
from dlrun.runs.explain.attribution import Attribution, Explanation
from dlrun.runs.explain.columns import explain_columns
from dlrun.runs.explain.grids import explain_image, explain_sound, explain_steps
from dlrun.runs.explain.methods import captum
from dlrun.runs.explain.model import Model
from dlrun.runs.explain.outputs import Answer, Question, answer_of
from dlrun.runs.explain.rows import InputRow, read_rows
from dlrun.runs.explain.words import explain_words
from dlrun.runs.loaded_run import LoadedRun, load_run
from dlrun.tasks.gan import GanTask
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask

Method = Callable[[LoadedRun, Model, InputRow, Answer], Attribution]


def explain_rows(
    config: RunConfig,
    catalog: Catalog,
    folder: Path,
    source: Path,
    *,
    row: int | None,
    question: Question,
    warn: Callable[[str], None],
) -> list[Explanation]:
    """Explain the first rows of a file or folder, or the one of a number from 1.

    warn: receives what the user should know: rows or targets that are left out.
    Raises ConfigError if captum is not installed, or this run, target or class cannot be explained; DataError naming
    file, row and column.
    """
    captum()
    run = load_run(config, catalog, folder)
    task = explainable_task(run)
    task.requires_grad_(requires_grad=False)  # only those of inputs are needed
    if len(run.spec.parts) > 1 and question.target is None:
        others = ", ".join(part.name for part in run.spec.parts[1:9])
        warn(f"the first of {len(run.spec.parts)} targets is explained; --target NAME explains another: {others}")
    model, method = Model(run, task), _method(run)
    given = read_rows(run, source, row=row, warn=warn)
    explanations = []
    with long_work("Explaining", len(given), unit="rows") as done:
        for each in given:
            outputs = model.answer(each)
            answer = answer_of(run, question, outputs)
            prediction = goal_of(run.spec).columns(run.spec, outputs, probabilities=False)
            place = " ".join(str(v) if name in ("file", "path") else f"{name} {v}" for name, v in each.about.items())
            shown = {name: values[0] for name, values in prediction.items()}
            explanations.append(Explanation(each.number, place, answer.name, shown, method(run, model, each, answer)))
            done(1)
    return explanations


def explainable_task(run: LoadedRun) -> SupervisedTask:
    """Return a run's task.

    Raises ConfigError, in words, for a run whose predictions have no explanation of this kind.
    """
    key, what = f"model={run.config.model.name}", None
    if isinstance(run.task, GanTask):
        what = "This model generates samples from noise and predicts nothing that could be explained."
    elif not isinstance(run.task, SupervisedTask):
        what = "The task of this model is not dlrun's own; only a model with a loss that compares can be explained."
    elif has_tokens(run.spec.goal):
        what = "A language model predicts every next token; there is no single prediction to explain."
    elif isinstance(run.encoder, InteractionsEncoder):
        key = f"dataset={run.config.dataset.name}"
        what = "A recommender knows of a user and an item only who they are; there are no columns to explain it by."
    if what is not None or not isinstance(run.task, SupervisedTask):
        raise ConfigError(Problem(key, what or ""))
    return run.task


def _method(run: LoadedRun) -> Method:
    if isinstance(run.encoder, AudioEncoder):
        return explain_sound
    kinds = {"dense": explain_columns, "image": explain_image, "tokens": explain_words, "sequence": explain_steps}
    return kinds[run.spec.kind]
