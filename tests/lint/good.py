"""A hundred configurations without a mistake, on which `dlrun check --strict` finds nothing.

python -m tests.lint.good        # checks each and prints what it finds, if anything
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "iris": "dataset=iris",
    "wine": "dataset=wine",
    "cancer": "dataset=breast_cancer",
    "diabetes": "dataset=diabetes",
    "digits": "dataset=digits",
    "line": "dataset=line",
    "random": "dataset=random_images",
    "people": "dataset=table dataset.path=example:people.csv dataset.target=renewed",
    "spent": "dataset=table dataset.path=example:people.csv dataset.target=spent",
    "both": "dataset=table dataset.path=example:people.csv dataset.target=[renewed,spent]",
    "arrays": "dataset=arrays dataset.path=example:wine.npz",
    "shapes": "dataset=image_folder dataset.path=example:shapes",
    "tones": "dataset=audio_folder dataset.path=example:tones",
    "reviews": "dataset=text dataset.path=example:reviews.csv",
    "licence": "dataset=text dataset.task=language dataset.path=example:gpl3_text.txt dataset.tokenizer=characters",
    "weather": "dataset=series dataset.path=example:weather.csv dataset.time=day dataset.target=temperature",
    "ratings": "dataset=interactions dataset.path=example:ratings.csv",
}
"""Every kind of data that ships, each with its default model and settings."""

_MODELS = (
    "iris model=linear", "iris model=mlp", "iris model=mlp model.hidden=[16]", "wine model=mlp model.norm=batch",
    "cancer model=linear", "cancer model=mlp model.dropout=0.2", "diabetes model=linear", "diabetes model=mlp",
    "diabetes model=mlp model.activation=tanh", "digits model=linear", "digits model=mlp model.hidden=[128,64]",
    "digits model=cnn model.hidden=[64]", "digits model=resnet", "digits model=rnn", "digits model=rnn model.cell=gru",
    "digits model=gan", "digits model=gan model.architecture=dense", "people model=linear", "people model=mlp",
    "spent model=mlp", "spent model=linear", "both model=mlp", "arrays model=mlp", "shapes model=cnn model.norm=batch",
    "shapes model=resnet", "tones model=rnn", "tones model=cnn", "reviews model=rnn", "reviews model=transformer",
    "licence model=transformer", "licence model=rnn", "weather model=rnn", "weather model=mlp", "weather model=linear",
)  # fmt: skip
_TRAINING = (
    "iris model=mlp optimizer=sgd optimizer.lr=0.05",
    "iris model=mlp optimizer=sgd optimizer.lr=0.01 optimizer.momentum=0.9",
    "iris model=mlp optimizer=adam optimizer.lr=0.01", "iris model=mlp optimizer=adamw optimizer.weight_decay=0.1",
    "iris model=mlp optimizer=rmsprop", "iris model=mlp optimizer=nadam",
    "iris model=mlp optimizer=adagrad optimizer.lr=0.05", "digits model=mlp optimizer=muon",
    "digits model=cnn optimizer=sgd optimizer.lr=0.05 optimizer.momentum=0.9", "wine model=mlp scheduler=cosine",
    "wine model=mlp scheduler=linear", "wine model=mlp scheduler=one_cycle",
    "wine model=mlp scheduler=plateau trainer.epochs=100", "wine model=mlp scheduler=cosine scheduler.warmup_steps=50",
    "digits model=cnn scheduler=one_cycle trainer.epochs=10", "digits model=mlp scheduler=step trainer.epochs=60",
    "iris trainer.epochs=50", "iris model=mlp trainer.batch_size=8", "iris model=mlp trainer.batch_size=64",
    "digits model=mlp trainer.batch_size=256", "digits model=mlp trainer.epochs=40 trainer.early_stop.patience=10",
    "digits model=mlp trainer.clip_norm=1.0", "digits model=mlp trainer.ema=0.99 trainer.epochs=20",
    "digits model=mlp trainer.accumulate=2", "digits model=mlp trainer.max_steps=500",
    "cancer loss=binary_cross_entropy loss.class_weights=balanced", "cancer loss.label_smoothing=0.1",
    "cancer metric=loss", "spent loss=huber", "spent loss=mae", "diabetes model=mlp loss=huber",
    "digits model=cnn dataset.augment.shift=1", "digits model=cnn trainer.epochs=20 checkpoint.every_epochs=5",
    "cancer dataset.val_fraction=0.2 dataset.test_fraction=0.3", "people dataset.folds=5 dataset.fold=2",
    "spent model.members=4", "digits seed=7 dataset.split_seed=3", "reviews trainer.epochs=5",
    "weather dataset.horizon=3 dataset.window=28", "ratings model.factors=8",
    "digits model=mlp model.norm=layer model.hidden=[128,128]", "wine model=linear optimizer=sgd optimizer.lr=0.1",
    "diabetes model=linear optimizer=sgd optimizer.lr=0.05", "iris dataset.val_fraction=0.3",
    "people trainer.epochs=20", "shapes dataset.augment.flip=true", "reviews model=rnn model.cell=gru",
    "ratings trainer.epochs=30", "weather model=rnn model.cell=lstm trainer.clip_norm=1.0",
)  # fmt: skip


def good() -> list[tuple[str, ...]]:
    """Return each configuration as overrides: a kind of data by its defaults, another model, or another training."""
    lines = [*KINDS, *_MODELS, *_TRAINING]
    return [(*KINDS[line.split()[0]].split(), *line.split()[1:]) for line in lines]


def main() -> int:
    """Check every configuration; returns the number of those on which something was found."""
    from tests.lint.conftest import examine

    alarms = 0
    for words in good():
        started = time.perf_counter()
        found = examine((*words, "device=cpu", "device.threads=1"))
        seconds = time.perf_counter() - started
        alarms += bool(found)
        print(f"{seconds:5.2f} s  {' '.join(words)}")
        for each in found:
            print(f"         {each.severity} {each.id} {each.key}: {each.message} [{each.fix}]")
    print(f"{len(good())} configurations, something found on {alarms}")
    return alarms


if __name__ == "__main__":
    sys.exit(min(1, main()))
