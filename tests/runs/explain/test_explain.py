"""Which runs are explained, and which are not."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from dlrun.data.source import Encoder
from dlrun.data.spec import DataSpec
from dlrun.data.tables.columns import Column
from dlrun.data.tables.interactions import InteractionsEncoder
from dlrun.errors import ConfigError
from dlrun.runs.explain.explain import explainable_task
from dlrun.tasks.gan import GanTask
from dlrun.tasks.task import Task
from tests.runs.explain.known import linear, loaded

DENSE = DataSpec("dense", (2,), "regression", 1)


class OwnTask(Task):
    """A plugin's task."""

    param_groups = train_step = evaluation = lambda *_: {}  # type: ignore[assignment]


def test_a_language_model_is_refused() -> None:
    spec = DataSpec("tokens", (4,), "language", 9, vocabulary_size=9)
    with pytest.raises(ConfigError, match=r"A language model predicts every next token; there is no single prediction"):
        explainable_task(loaded(spec, nn.Embedding(9, 9)))


def test_a_recommender_is_refused() -> None:
    columns = [Column("user", "category"), Column("item", "category")]
    encoder: Encoder = InteractionsEncoder(columns, embed=True, max_categories=9)
    with pytest.raises(
        ConfigError, match=r"(?s)dataset=random_images.*A recommender knows of a user and an item only who"
    ):
        explainable_task(loaded(DENSE, linear(torch.zeros(1, 2)), encoder=encoder))


def test_a_gan_and_tasks_of_others_are_refused() -> None:
    run = loaded(DENSE, linear(torch.zeros(1, 2)))
    gan = GanTask.__new__(GanTask)
    with pytest.raises(ConfigError, match=r"This model generates samples from noise and predicts nothing that could"):
        explainable_task(dataclasses.replace(run, task=gan))
    with pytest.raises(ConfigError, match=r"The task of this model is not dlrun's own; only a model with a loss"):
        explainable_task(dataclasses.replace(run, task=OwnTask()))
    assert explainable_task(run) is run.task
