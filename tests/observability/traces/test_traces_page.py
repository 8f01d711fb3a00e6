"""docs/traces.md against the code: attributes, bounds, and the collector's configuration."""

import re
from pathlib import Path

import yaml

from scoreline.observability.traces.batches import MOST_LINKS
from scoreline.observability.traces.context import MOST_STATE_CHARACTERS
from scoreline.service.traces import MOST_FLUSH_SECONDS
from tests.observability.batches import STAGES, make_batch, make_letter, make_records
from tests.observability.traces.collector import read_attributes

PAGE = (Path(__file__).parents[3] / "docs" / "traces.md").read_text()


def test_every_attribute_of_ours_is_on_the_page(collector, open_traces):
    traces, records = open_traces(), make_records(2)
    traces.batches.batch_scored(make_batch(records, positions={3: [0]}, dead_letters=[make_letter(records[1])]))
    traces.requests.begin("GET", {}).end("GET", "/stats", 200, request_id="r", instances=0, version=1)
    facts = {"model": "m", "version": 1, "rows": 1, "rows_failed": 0}
    traces.chunks.chunk_ended("jobs", None, job_id="j", number=0, stage_seconds=STAGES, facts=facts)
    traces.close(5.0)

    given = {name for span in collector.spans for name in read_attributes(span.attributes) if "scoreline" in name}
    told = set(re.findall(r"`(scoreline\.[a-z_.<>]+)`", PAGE))
    assert len(collector.spans) == 3
    assert told == {
        re.sub(r"stage\.[a-z]+", "stage.<stage>", re.sub(r"s\.undecodable", "s.<reason>", n)) for n in given
    }


def test_bounds_on_the_page_are_those_that_hold():
    text = " ".join(PAGE.split())

    assert f"the first {MOST_LINKS} different ones" in text
    assert f"more than {MOST_STATE_CHARACTERS} characters" in text
    assert f"in at most {MOST_FLUSH_SECONDS:g} s" in text


def test_the_collectors_configuration_takes_spans_and_scrapes_metrics():
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    configuration = yaml.safe_load(block)

    for kind in ("receivers", "processors", "exporters"):
        used = [name for pipeline in configuration["service"]["pipelines"].values() for name in pipeline[kind]]
        assert set(used) == configuration[kind].keys()
