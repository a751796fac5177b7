from __future__ import annotations

import pytest

from tests.lint.rules.conftest import FindAll, Train

ID = "too-many-parameters"
LARGE = ("dataset=iris", "model=mlp", "optimizer=adam", "dataset.val_fraction=0")  # 17,539 parameters, 120 rows


def test_a_large_model_with_nothing_against_overfitting_is_found(find: FindAll) -> None:
    (found,) = find(ID, *LARGE)
    assert (found.severity, found.key, found.fix) == ("warning", "model=mlp", "dataset.val_fraction=0.1")
    assert found.message.startswith("The model has 17,539 parameters for 120 answers to learn")
    assert not find(ID, *LARGE, found.fix)


@pytest.mark.parametrize(
    "words",
    [
        ("optimizer.weight_decay=0.01",),
        ("model.dropout=0.2",),
        ("model.hidden=[16]",),  # 131 parameters
        ("dataset=random_images", "model=mlp"),
        ("dataset=digits", "model=gan"),
        ("dataset=digits", "model=cnn", "model.dropout=0", "dataset.augment.shift=1"),
        ("dataset=text", "dataset.path=example:reviews.csv", "model=rnn", "model.layers=2", "model.dropout=0.1"),
    ],
)
def test_what_holds_a_model_back_is_enough(find: FindAll, words: tuple[str, ...]) -> None:
    assert not find(ID, *LARGE, *words)


def test_the_cure_chooses_the_epoch_before_the_rows_are_learned_by_heart(find: FindAll, train: Train) -> None:
    words = ("dataset=diabetes", "model=mlp", "optimizer=adam", "trainer.epochs=100")
    (found,) = find(ID, *words, "dataset.val_fraction=0")
    by_heart = train(*words, "dataset.val_fraction=0")["test/rmse"]
    assert train(*words, str(found.fix))["test/rmse"] < 0.95 * by_heart
