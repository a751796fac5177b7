"""What is said when another process of a group is gone."""

from __future__ import annotations

import pytest

from dlrun.errors import PeerLostError
from dlrun.optim.distributed.lost import telling_of_loss


def test_a_failed_call_is_told_in_words_without_torchs_own_source() -> None:
    text = "[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:31134\nmore"
    with pytest.raises(PeerLostError) as found, telling_of_loss():
        raise RuntimeError(text)
    assert str(found.value) == "Another process of this run ended (Connection closed by peer [127.0.0.1]:31134)."
    assert found.value.exit_code == 7
