"""Keras 3 with `fit`, on the backend KERAS_BACKEND; the progress bar, which costs time, is off."""

from __future__ import annotations

import os
import time
from typing import Any

from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, images

PACKAGES = ("keras", "torch" if os.environ.get("KERAS_BACKEND") == "torch" else "tensorflow-cpu")


def network(name: str) -> Any:
    """Return a network with seeded weights; images are channels last, as in TensorFlow."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    if name == "resnet":
        return _resnet()
    body = {
        "mlp": lambda: [
            keras.Input((28, 28)), layers.Flatten(),
            layers.Dense(128, "relu"), layers.Dense(128, "relu"), layers.Dense(10),
        ],
        "lenet": lambda: [
            keras.Input((28, 28, 1)), layers.Conv2D(6, 5, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
            layers.Dense(120, "relu"), layers.Dense(84, "relu"), layers.Dense(10),
        ],
        "lstm": lambda: [keras.Input((28, 28)), layers.LSTM(128), layers.Dense(10)],
    }  # fmt: skip
    return keras.Sequential(body[name]())


def _resnet() -> Any:
    """Return a ResNet-20, built with the functional API."""
    import keras
    from keras import layers

    def convolution(x: Any, width: int, kernel: int, stride: int) -> Any:
        found = layers.Conv2D(width, kernel, strides=stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(found)

    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(convolution(inputs, 16, 3, 1))
    for width, first_stride in ((16, 1), (32, 2), (64, 2)):
        for number in range(3):
            stride = first_stride if number == 0 else 1
            h = layers.ReLU()(convolution(x, width, 3, stride))
            h = convolution(h, width, 3, 1)
            shortcut = x if stride == 1 else convolution(x, width, 1, stride)
            x = layers.ReLU()(layers.add([h, shortcut]))
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def arrays(workload: Workload) -> tuple[Any, Any]:
    """Return images as float32 in 0..1, (N, H, W), or (N, H, W, C) for convolutions, and labels."""
    pixels, labels = images(workload)
    inputs = pixels.astype("float32") / 255
    return (inputs[..., None] if workload.name == "lenet" else inputs), labels


def compiled(name: str) -> Any:
    """Return a network compiled with its loss and Adam."""
    import keras

    model = network(name)
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []

        def on_epoch_begin(self, *_: object) -> None:
            self.started = time.perf_counter()

        def on_epoch_end(self, *_: object) -> None:
            self.seconds.append(time.perf_counter() - self.started)

    clock = Clock()
    inputs, labels = arrays(workload)
    compiled(workload.name).fit(
        inputs, labels, batch_size=BATCH_SIZE, epochs=workload.epochs, verbose=0, callbacks=[clock]
    )
    return clock.seconds
