"""A real Prometheus scrapes a real service, in both formats, and evaluates the alerts."""

import subprocess
import urllib.request
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.grafana.dashboard import make_dashboard
from scoreline.models.store import ModelStore
from scoreline.observability.metrics.catalogue import PREFIX
from scoreline.testing.service import ServiceProcess
from tests.deploy.expressions import FRESH
from tests.deploy.prometheus import PlainText, Prometheus
from tests.integration.calls import post
from tests.models.builders import put_version, train, trusting_cache
from tests.observability.test_catalogue import make_busy_metrics
from tests.tools import require_tool

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
ROW = {"x": 0.25, "y": 0.5, "category": 3, "constant": 1.0}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A sidecar that has predicted, and has refused."""
    folder = tmp_path_factory.mktemp("scraped")
    store = ModelStore(str(folder / "store"))
    trusting_cache(folder / "cache", put_version(store, "tiny", train("binary")))
    store.set_alias("tiny", "production", 1, by="tests")
    variables = {"MODEL_STORE": store.url, "CACHE_DIR": str(folder / "cache")}
    with ServiceProcess(variables, folder, roles=["http"]) as service:
        service.await_ready()
        post(service, "/predict", {"instances": [ROW]})
        assert service.ask("/nowhere") == 404
        yield service


def configure(*targets):
    """The example, with other targets and shorter intervals."""
    configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (job,) = configuration["scrape_configs"]
    job["static_configs"] = [{"targets": list(targets)}]
    configuration["global"] = {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(FOLDER / file) for file in configuration["rule_files"]]
    return configuration


def read_plain(service):
    """The exposition for those who accept no other format."""
    asked = urllib.request.Request(f"{service.url}/metrics", headers={"Accept": "text/plain"})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return answer.read()


def series_shown(service):
    """Names and labels of every series of ours."""
    families = text_string_to_metric_families(read_plain(service).decode())
    samples = (sample for family in families for sample in family.samples if sample.name.startswith(PREFIX))
    return {(sample.name, frozenset(sample.labels.items())) for sample in samples}


def series_kept(answer, instance):
    """The same of what Prometheus has of one target, without what it adds."""
    return {
        (each.pop("__name__"), frozenset(each.items()))
        for each in map(dict, answer)
        if each.pop("instance") == instance and each.pop("job") == "scoreline"
    }


def queries_of_the_dashboard():
    """As Grafana asks them when everything is chosen."""
    for panel in make_dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "1m").replace("$job", ".+").replace("$instance", ".+")


def test_it_has_every_series_from_both_formats_and_answers_every_rule_and_panel(request, service, tmp_path):
    program = require_tool(request, "prometheus")
    address = service.url.removeprefix("http://")
    with PlainText(service.url) as plain, Prometheus(program, configure(address, plain.address), tmp_path) as server:
        server.await_answer(
            lambda found: {each["health"] for each in found["activeTargets"]} == {"up"}, "targets", state="active"
        )
        shown = series_shown(service)
        kept = server.await_answer(
            lambda found: all(series_kept(found, target) == shown for target in (address, plain.address)),
            "series",
            **{"match[]": f'{{__name__=~"{PREFIX}.+"}}'},
        )
        assert {name for name in FRESH if name.startswith(PREFIX)} <= {each["__name__"] for each in kept}
        evaluated = server.await_answer(
            lambda found: all(r["health"] != "unknown" for g in found["groups"] for r in g["rules"]), "rules"
        )
        rules = [rule for group in evaluated["groups"] for rule in group["rules"]]
        assert {rule["health"]: rule.get("lastError") for rule in rules} == {"ok": None}
        for asked in queries_of_the_dashboard():
            assert server.ask("query", query=asked) is not None
        assert [alert["labels"] for alert in server.ask("alerts")["alerts"] if alert["state"] == "firing"] == []


def test_promtool_has_nothing_against_the_exposition(request, service):
    assert find_lint(request, read_plain(service)) == (0, "")


def test_promtool_has_nothing_against_any_metric_that_is_declared(request):
    assert find_lint(request, make_busy_metrics().render("text/plain")[0]) == (0, "")


def find_lint(request, exposition):
    """Exit code and complaints of promtool."""
    told = [require_tool(request, "promtool"), "check", "metrics"]
    done = subprocess.run(told, input=exposition, capture_output=True, check=False)
    return done.returncode, done.stderr.decode()
