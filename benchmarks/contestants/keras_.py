"""Keras 3 through `fit`; KERAS_BACKEND says on what."""

from __future__ import annotations

import time

from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, images

PACKAGES = ("keras", "tensorflow-cpu", "torch")


def train(workload: Workload) -> list[float]:
    """Seconds of each epoch."""
    import keras
    from keras import layers

    pixels, labels = images(workload)
    inputs = pixels.astype("float32") / 255
    if workload.name == "lenet":
        inputs = inputs[..., None]
    body = {
        "mlp": lambda: [
            keras.Input((28, 28)), layers.Flatten(),
            layers.Dense(128, "relu"), layers.Dense(128, "relu"), layers.Dense(10)
        ],
        "lenet": lambda: [
            keras.Input((28, 28, 1)), layers.Conv2D(6, 5, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
            layers.Dense(120, "relu"), layers.Dense(84, "relu"), layers.Dense(10),
        ],
        "lstm": lambda: [keras.Input((28, 28)), layers.LSTM(128), layers.Dense(10)],
    }  # fmt: skip
    if workload.name not in body:
        return []
    keras.utils.set_random_seed(0)
    model = keras.Sequential(body[workload.name]())
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []

        def on_epoch_begin(self, *_: object) -> None:
            self.started = time.perf_counter()

        def on_epoch_end(self, *_: object) -> None:
            self.seconds.append(time.perf_counter() - self.started)

    clock = Clock()
    model.fit(inputs, labels, batch_size=BATCH_SIZE, epochs=workload.epochs, verbose=0, callbacks=[clock])
    return clock.seconds
