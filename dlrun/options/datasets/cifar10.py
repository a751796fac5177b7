"""CIFAR-10: 60,000 colour photographs of 32x32 pixels, in the binary version."""

from __future__ import annotations

from dlrun.configuration.schema.fields import DownloadFolder, Url
from dlrun.data.arrays.cifar import cifar_source
from dlrun.data.source import Source


def cifar10(*, root: DownloadFolder, mirrors: list[Url], download: bool) -> Source:
    """50,000 photographs and 10,000 for the test, (3, 32, 32) bytes, ten classes.

    root: folder with the six .bin files, with the folder `cifar-10-batches-bin` that contains them, or with
    `cifar-10-binary.tar.gz`. mirrors: addresses of a folder with that archive, tried in order. download: whether the
    archive is downloaded if the folder has none of them.

    Raises DataError for what is missing or damaged. Source: Krizhevsky, Learning multiple layers of features from tiny
    images, 2009.
    """
    return cifar_source(root, mirrors=mirrors, download=download)
