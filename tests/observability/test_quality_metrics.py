"""What a scraper sees of labels, and of the quality that they tell."""

import threading

from scoreline.observability.labels.quality import LabelOutcome
from scoreline.observability.metrics import Metrics
from scoreline.records import TopicPartition
from tests.observability.labels.reports import make_report, make_version_quality


def render(metrics):
    lines = metrics.render("")[0].decode().splitlines()
    return [
        line.removeprefix("scoreline_") for line in lines if line.startswith(("scoreline_quality", "scoreline_lab"))
    ]


def test_labels_are_counted_by_what_became_of_them_from_zero_on():
    metrics = Metrics()
    metrics.quality.labels_settled(LabelOutcome.JOINED, 7)

    assert [line for line in render(metrics) if line.startswith("labels_total")] == [
        f'labels_total{{outcome="{outcome}"}} {7.0 if outcome is LabelOutcome.JOINED else 0.0}'
        for outcome in LabelOutcome
    ]


def test_a_version_is_shown_with_what_is_measured_and_goes_with_its_labels():
    metrics = Metrics()
    told = {"3": make_version_quality(auc=0.75, bias=None), "4": make_version_quality(auc=None)}
    metrics.quality.watch(lambda: make_report(told, waiting=5))

    shown = render(metrics)
    assert 'quality_auc{version="3"} 0.75' in shown
    assert 'quality_labels{version="4"} 10.0' in shown
    assert "labels_waiting 5.0" in shown
    assert not any(line.startswith(('quality_auc{version="4"', 'quality_bias{version="3"')) for line in shown)
    del told["3"]
    assert not any('version="3"' in line for line in render(metrics))


def test_the_stream_does_not_wait_while_quality_is_measured():
    metrics, done = Metrics(), threading.Event()

    def assign():
        metrics.assigned([TopicPartition("features", 0)])
        done.set()

    def read():
        threading.Thread(target=assign, daemon=True).start()
        assert done.wait(5)
        return make_report({}, waiting=3)

    metrics.quality.watch(read)
    assert "labels_waiting 3.0" in render(metrics)
