"""MNIST: 70,000 handwritten digits of 28x28 pixels."""

from __future__ import annotations

from dlrun.configuration.schema.fields import DownloadFolder, Url
from dlrun.data.arrays.idx import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, idx_source
from dlrun.data.source import Source

_SHA256 = {
    TRAIN_IMAGES: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    TRAIN_LABELS: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    TEST_IMAGES: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    TEST_LABELS: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def mnist(*, root: DownloadFolder, mirrors: list[Url], download: bool) -> Source:
    """60,000 images of handwritten digits and 10,000 for the test, (1, 28, 28) bytes, ten classes.

    root: folder of the four IDX files, gzipped or not. mirrors: addresses of a folder with them, tried in order.
    download: whether missing files are downloaded.

    Raises DataError for a file that is missing or damaged. Source: LeCun, Bottou, Bengio, Haffner, Gradient-based
    learning applied to document recognition, Proceedings of the IEEE 1998.
    """
    return idx_source(root, checksums=_SHA256, mirrors=mirrors, download=download, class_names=tuple("0123456789"))
