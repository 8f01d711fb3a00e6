"""The check of expressions finds what it is there for."""

import pytest

from tests.deploy.expressions import find_problems, read_selectors


@pytest.mark.parametrize(
    "expression",
    [
        "up",
        'sum by (job) (rate(scoreline_dead_letters_total{reason!="tombstone"}[5m])) > 0.01',
        "histogram_quantile(0.95, sum by (stage, le) (rate(scoreline_stage_seconds_bucket[5m])))",
        "max by (topic) (scoreline_consumer_lag_seconds) > 60 and on (job, topic) scoreline_records_total offset 1h",
        'scoreline_http_requests_total{route="/v2/models/{name}/infer", status=~"5.."} > 1e3',
        "rate(scoreline_batch_records_count[5m]) / 2 unless process_open_fds > 3",
    ],
)
def test_what_can_be_answered_has_no_problem(expression):
    assert find_problems(expression) == []


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("rate(scoreline_record_total[5m])", "nobody shows scoreline_record_total"),
        ("scoreline_records", "nobody shows scoreline_records"),
        ("scoreline_stage_seconds", "nobody shows scoreline_stage_seconds"),
        ("node_load1", "nobody shows node_load1"),
        ('scoreline_records_total{result="predicted"}', "scoreline_records_total has no label result"),
        ('up{version="3"}', "up has no label version"),
        ("sum by (version) (scoreline_records_total)", "grouped by version, which nothing has"),
        ("rate(scoreline_http_in_flight[5m])", "scoreline_http_in_flight is a gauge and has no rate"),
        ('scoreline_commits_total{outcome="refuse"}', "scoreline_commits_total never has outcome=refuse"),
        (
            'scoreline_model_reloads_total{outcome=~"rejected|gone"}',
            "scoreline_model_reloads_total never has outcome=gone",
        ),
        (
            "histogram_quantile(0.9, rate(scoreline_batch_records_bucket[5m]))",
            "a quantile needs the label le",
        ),
    ],
)
def test_what_nobody_can_answer_is_told(expression, problem):
    assert find_problems(expression) == [problem]


def test_what_rules_record_is_known_by_the_labels_that_it_has():
    recorded = {"scoreline:error:weighted": {"job", "version"}}
    expression = "max by (version) (scoreline:error:weighted)"

    assert find_problems(expression, recorded) == []
    assert find_problems(expression) == [
        "nobody shows scoreline:error:weighted",
        "grouped by version, which nothing has",
    ]
    assert find_problems('scoreline:error:weighted{topic="a"}', recorded) == [
        "scoreline:error:weighted has no label topic"
    ]


def test_every_selector_of_an_expression_is_found():
    expression = 'sum by (job) (rate(a_total{b="}c"}[5m])) / on (job) group_left () (d + e) or f{g=~"h|i"}'

    assert sorted(read_selectors(expression)) == [
        ("a_total", [("b", "=", "}c")]),
        ("d", []),
        ("e", []),
        ("f", [("g", "=~", "h|i")]),
    ]
