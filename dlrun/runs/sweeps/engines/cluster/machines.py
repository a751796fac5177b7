"""The look at a cluster's machines before the first point."""

from __future__ import annotations

import time

from dlrun.data.files.status_line import print_status
from dlrun.errors import Interrupted
from dlrun.runs.sweeps.engines.cluster.backend import Backend
from dlrun.runs.sweeps.engines.cluster.probe import Probe, check_findings
from dlrun.training.signals import StopRequest


def check_machines(backend: Backend, probe: Probe, stop: StopRequest) -> None:
    """Run a probe on the cluster and wait for what it finds, however long its queue is.

    Raises ConfigError if a machine lacks what the points need, Interrupted if a stop was requested meanwhile.
    """
    print_status(f"{backend.setting}: looking at the cluster's machines before the first point ...")
    handles = backend.start_probes(probe)
    try:
        while any(backend.ending(handle) is None for handle in handles):
            stop.raise_if_requested("Stopped before the first point.")
            time.sleep(backend.poll_s)
    except Interrupted:
        backend.cancel(handles)
        raise
    found = [backend.result(handle) for handle in handles]
    check_findings(found, where=backend.setting)
    print_status(f"{backend.setting}: {', '.join(sorted({each.node for each in found}))}: all there.")
