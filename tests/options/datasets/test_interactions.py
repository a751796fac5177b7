"""dataset=interactions and model=factorization: ratings predicted, and the best items of a user."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dlrun.data.spec import DataSpec
from dlrun.options.models.factorization import factorization
from tests.kill_and_resume import command, kill_and_resume, predictions

Dlrun = Callable[..., tuple[int, str, str]]
TRAIN = ("dataset=interactions", "dataset.path=example:ratings.csv", "model=factorization", "trainer.epochs=1")


def test_ratings_are_trained_killed_resumed_evaluated_and_predicted_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere").mkdir()
    words = ["recipe=factorization_ratings", "trainer.epochs=2", "model.variant=neural"]
    kill_and_resume(words, folder=tmp_path / "here")
    run, folder = tmp_path / "here/killed", tmp_path / "elsewhere"
    (folder / "pairs.csv").write_text("item,user\nfilm02,u001\nfilm02,nobody\n")
    found = predictions(run, "pairs.csv", folder=folder)
    assert [(row["user"], row["item"]) for row in found] == [("u001", "film02"), ("nobody", "film02")]
    assert all(0 < float(row["prediction"]) < 6 for row in found)
    (folder / "users.csv").write_text("user\nu002\nu001\n")
    best = predictions(run, "users.csv", "--top", "3", folder=folder)
    assert [row["user"] for row in best] == ["u002"] * 3 + ["u001"] * 3
    ratings = [float(row["prediction"]) for row in best[:3]]
    assert ratings == sorted(ratings, reverse=True)
    (folder / "users.csv").write_text("user\nnobody\n")
    unknown = command("predict", str(run), "users.csv", "--top", "3", folder=folder)
    assert unknown.returncode == 3
    assert 'users.csv: line 2: no training row has the user "nobody".' in unknown.stderr


def test_the_prediction_is_biases_and_the_product_of_two_vectors() -> None:
    spec = DataSpec("dense", (2,), "regression", 1, categories=(3, 4))
    model = factorization(spec, factors=2, variant="biased", hidden=[], dropout=0.0, biases="random")
    with torch.no_grad():
        model.mean.fill_(3.0)  # type: ignore[union-attr, operator]
        model.users.weight[1] = torch.tensor([1.0, 2.0])  # type: ignore[union-attr, index, operator]
        model.items.weight[2] = torch.tensor([0.5, -1.0])  # type: ignore[union-attr, index, operator]
        model.user_bias.weight[1] = 0.25  # type: ignore[union-attr, index, operator]
        model.item_bias.weight[2] = 0.125  # type: ignore[union-attr, index, operator]
    out = model(torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
    assert out.tolist() == [[3.0 + 0.25 + 0.125 + 0.5 - 2.0], [3.0]]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("dataset=iris", "model=factorization"), 2, "A recommender needs pairs of user and item"),
        ((*TRAIN, "dataset.user=usr"), 3, 'there is no column "usr". Did you mean "user"?'),
        ((*TRAIN, "dataset.rating=stars"), 3, 'there is no column "stars" for dataset.rating'),
    ],
)
def test_wrong_recommendations_are_reported(words: tuple[str, ...], code: int, message: str, dlrun: Dlrun) -> None:
    found, _, err = dlrun(*words, "device.threads=1")
    assert found == code
    assert message in err


def test_a_missing_user_is_reported_with_its_line(dlrun: Dlrun) -> None:
    Path("mine.csv").write_text("user,item,rating\n1,a,2\n,b,3\n2,a,4\n")
    code, _, err = dlrun(*TRAIN, "dataset.path=mine.csv", "device.threads=1")
    assert code == 3
    assert 'mine.csv: line 3, column "user": the value is missing' in err
