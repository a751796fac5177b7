"""Small runs that 1, 2 and 4 processes train alike: every model family, and whatever else a step may have."""

from __future__ import annotations

from collections.abc import Mapping

_DIGITS = ("dataset=digits", "dataset.limit=150", "trainer.batch_size=27", "trainer.epochs=2")
_TEXT = (
    "dataset=text", "dataset.path=example:reviews.csv", "dataset.limit=90", "trainer.batch_size=13", "trainer.epochs=2",
)  # fmt: skip
_PEOPLE = (
    "dataset=table", "dataset.path=example:people.csv", "dataset.limit=200", "dataset.target=renewed",
    "trainer.batch_size=18", "trainer.max_steps=8",
)  # fmt: skip
_WEATHER = (
    "dataset=series", "dataset.path=example:weather.csv", "dataset.time=day", "dataset.target=temperature",
    "dataset.window=14", "dataset.horizon=2", "dataset.limit=200", "trainer.batch_size=30", "trainer.max_steps=8",
)  # fmt: skip
_RATINGS = (
    "dataset=interactions", "dataset.path=example:ratings.csv", "dataset.limit=400", "model=factorization",
    "model.factors=4", "model.dropout=0.2", "trainer.batch_size=50", "trainer.max_steps=8",
)  # fmt: skip
_LANGUAGE = (
    "dataset=text", "dataset.task=language", "dataset.path=example:gpl3_text.txt", "dataset.tokenizer=characters",
    "dataset.context=16", "dataset.limit=60", "trainer.batch_size=14", "trainer.max_steps=5",
)  # fmt: skip
_RNN = ("model=rnn", "model.hidden=6", "model.embedding=5", "model.layers=2", "model.dropout=0.3")
_TRANSFORMER = (
    "model=transformer", "model.width=8", "model.heads=2", "model.layers=1", "model.feedforward=16",
    "model.dropout=0.2",
)  # fmt: skip
_MLP = ("model=mlp", "model.hidden=[16,8]", "model.dropout=0.3")
_SGD = ("optimizer=sgd", "optimizer.lr=0.05", "optimizer.momentum=0.9")
_CONVOLUTIONS = ("model=cnn", "model.channels=[4,6]", "model.hidden=[8]", "model.dropout=0.2")

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "linear": ("dataset=iris", "model=linear", "trainer.batch_size=25", "trainer.epochs=2"),
    "mlp": (*_DIGITS, *_MLP),
    "mlp with batch norm": (*_DIGITS, *_MLP, "model.norm=batch", *_SGD),
    "cnn": (*_DIGITS, *_CONVOLUTIONS, "model.norm=batch", "dataset.augment.shift=1"),
    "resnet": (*_DIGITS, "model=resnet", "model.blocks=[1,1]", "model.channels=[4,6]", "model.dropout=0.1"),
    "lstm": (*_TEXT, *_RNN, "model.cell=lstm", "model.embedding_dropout=0.2"),
    "gru in both directions": (
        *_TEXT,
        *_RNN,
        "model.cell=gru",
        "model.bidirectional=true",
        "model.pool=attention",
        *_SGD,
    ),
    "text": (
        *(*_TEXT, "model=text", "model.embedding=8", "model.filters=4"),
        *("model.dropout=0.3", "model.embedding_dropout=0.3"),
    ),
    "transformer": (*_TEXT, *_TRANSFORMER, *_SGD),
    "tabular": (*_PEOPLE, "model=tabular", "model.members=4", "model.hidden=[8]", "model.dropout=0.2"),
    "forecast": (*_WEATHER, "model=forecast", "model.hidden=4", "model.dropout=0.2"),
    "factorization": (*_RATINGS,),
    "neural factorization": (*_RATINGS, "model.variant=neural", "model.hidden=[8]"),
    "dense gan": (*_DIGITS, "model=gan", "model.hidden=[16]", "model.dropout=0.3"),
    "gan of convolutions": (
        *(*_DIGITS, "model=gan", "model.architecture=conv", "model.channels=[6,4]", "model.dropout=0.3"),
        "trainer.accumulate=2",
    ),
    "language model": (*_LANGUAGE, *_RNN),
    "language transformer": (*_LANGUAGE, *_TRANSFORMER, *_SGD),
}
"""Every model family, with what draws and normalises."""

STEPS: Mapping[str, tuple[str, ...]] = {
    "weights of classes, accumulated": (
        *(*_DIGITS, *_MLP, "loss=cross_entropy", "loss.class_weights=[1,2,3,4,5,6,7,8,9,0]"),
        *("loss.label_smoothing=0.1", "trainer.accumulate=3"),
    ),
    "weights of rows and classes": (
        *(*_PEOPLE, *_MLP, "dataset.weight=visits", "dataset.on_bad_row=skip", "loss=binary_cross_entropy"),
        "loss.class_weights=balanced",
    ),
    "weights of rows, accumulated": (
        *(*_PEOPLE, *_MLP, "dataset.weight=visits", "dataset.on_bad_row=skip", "trainer.accumulate=2"),
    ),
    "several targets": (*_PEOPLE, *_MLP, "dataset.target=[renewed,visits]", "dataset.on_bad_row=skip"),
    "fewer rows than processes": (
        *("dataset=iris", "dataset.limit=47", *_MLP, "model.norm=batch", "trainer.epochs=2", "trainer.batch_size=16"),
        *("trainer.accumulate=2", *_SGD),
    ),
    "batches of five rows": (
        *("dataset=iris", "dataset.limit=24", *_MLP, "trainer.batch_size=5", "trainer.eval_batch_size=1"),
        "trainer.epochs=2",
    ),
    "clipped, averaged, on a plateau, stopped early": (
        *(*_DIGITS[:3], "trainer.epochs=9", *_CONVOLUTIONS, "trainer.clip_norm=0.5", "trainer.ema=0.9"),
        *("scheduler=plateau", "scheduler.patience=1", "trainer.early_stop.patience=2", "trainer.eval_every_steps=2"),
    ),
    "streamed": (
        *("dataset=image_folder", "dataset.path=example:shapes", "dataset.in_memory=false", "dataset.limit=60"),
        *("model=cnn", "model.channels=[4]", "model.hidden=[8]", "trainer.batch_size=22", "trainer.epochs=2"),
        *("trainer.workers=1", *_SGD),
    ),
}
"""What else a step, or the end of an epoch, may have."""
