"""dlrun.runs.serving.metrics: what Prometheus reads."""

from __future__ import annotations

from dlrun.runs.serving.metrics import Counters, Histogram


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram((1, 2.5))
    for value in (0.5, 1, 2, 3):
        histogram.add(value)
    assert histogram.lines("x", "Some.") == [
        "# HELP x Some.",
        "# TYPE x histogram",
        'x_bucket{le="1"} 2',
        'x_bucket{le="2.5"} 3',
        'x_bucket{le="+Inf"} 4',
        "x_sum 6.5",
        "x_count 4",
    ]


def test_requests_by_path_and_status() -> None:
    clock = iter([10.0, 12.5])
    counters = Counters(lambda: next(clock))
    counters.request("/predict", 200, 0.002)
    counters.request("/predict", 200, 0.2)
    counters.request("other", 404, 9)
    counters.batch(2)
    lines = counters.text(waiting=3).splitlines()
    assert 'dlrun_requests_total{path="/predict",status="200"} 2' in lines
    assert 'dlrun_requests_total{path="other",status="404"} 1' in lines
    assert 'dlrun_predict_seconds_bucket{le="0.0025"} 1' in lines
    assert "dlrun_predict_seconds_count 2" in lines
    assert 'dlrun_batch_rows_bucket{le="2"} 1' in lines
    assert "dlrun_waiting_requests 3" in lines
    assert "dlrun_uptime_seconds 2.5" in lines
