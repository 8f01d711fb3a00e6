"""Whatever is wrong with the version that an alias means: the one before goes on, and one line says why.

The whole wiring of the service runs in this process, over a store in a folder; some faults are also met by the service
as a process of its own.
"""

import logging
import re
import sys
from contextlib import asynccontextmanager

import aiohttp
import lightgbm
import pytest

from scoreline.cli.exits import LACKING, find_exit_code
from scoreline.config.roles import Role
from scoreline.config.settings import load_settings
from scoreline.errors import ServiceError
from scoreline.models import loading, publishing, scoring_child, verification
from scoreline.models.store import ModelStore
from scoreline.service.parts import Parts
from scoreline.service.sidecar import start_sidecar
from tests.integration.calls import await_models, post
from tests.models.builders import LEVELS, score_in_process, train, trusting_cache
from tests.models.faults import FAULTS, NEVER_ENDING, REAL
from tests.models.tampering import ALIAS, GOOD, NAME, SHAPE, cure, make_store, move_alias

pytestmark = pytest.mark.slow

ROLES = frozenset({Role.HTTP})
LOOKS = 3
CHILD_SECONDS = 0.5
START_SECONDS = 10
AS_PROCESSES = (
    "model blob with one byte changed",
    "a text that kills the parser",
    "level list shortened",
    "an alias that is no JSON",
)

INSTANCES = [{"place": place, "x": 0.25 * n, "size": 5, "flag": n % 2} for n, place in enumerate(LEVELS)]
ROWS = [[n, 0.25 * n, 1, n % 2] for n, _ in enumerate(LEVELS)]


def expected_scores():
    """The oracle."""
    return lightgbm.Booster(model_str=train(SHAPE).text.decode()).predict(ROWS, num_threads=1).tolist()


@pytest.fixture
def store(tmp_path):
    return ModelStore(str(tmp_path / "store"))


@pytest.fixture
def good(store, tmp_path):
    """The manifest of version 1, which the alias means, and which this machine has probed."""
    manifest = make_store(store)
    trusting_cache(tmp_path / "cache", manifest)
    return manifest


@pytest.fixture
def variables(store, tmp_path):
    return {"MODEL_STORE": store.url, "CACHE_DIR": str(tmp_path / "cache"), "MODEL_ALIAS": ALIAS}


@pytest.fixture
def settings(variables, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in {**variables, "HTTP_PORT": "0"}.items():
        monkeypatch.setenv(f"SCORELINE_{name}", value)
    return load_settings(ROLES)


@pytest.fixture
def use_child(monkeypatch):
    """`use_child(code)`: the child does what a fault needs, or is the real one; without code there is none."""

    def use(code):
        if not code:
            monkeypatch.setattr(loading, "probe_model", score_in_process)
        elif code != REAL:
            monkeypatch.setattr(scoring_child, "_COMMAND", (sys.executable, "-P", "-c", code))
        if code == NEVER_ENDING:
            for module in (loading, publishing):
                monkeypatch.setattr(module, "probe_model", probe_briefly)

    return use


def probe_briefly(*given, time_limit_seconds, behind=False):
    return verification.probe_model(*given, time_limit_seconds=CHILD_SECONDS, behind=behind)


class Service:
    """The sidecar of the http role in this process, and someone who asks it."""

    def __init__(self, url, session):
        self._url, self._session = url, session

    async def ask(self, path, body=None):
        method = "GET" if body is None else "POST"
        async with self._session.request(method, self._url + path, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else await answer.text()

    async def predict(self):
        answer = await self.ask("/predict", {"instances": INSTANCES})
        return answer["version"], answer["predictions"]

    async def count_looks(self, outcome):
        found = re.search(
            rf'^scoreline_model_reloads_total{{outcome="{outcome}"}} (\S+)$', await self.ask("/metrics"), re.MULTILINE
        )
        return float(found[1])


@asynccontextmanager
async def serve(settings):
    server = await start_sidecar(Parts(settings, ROLES), ROLES, None)
    try:
        async with aiohttp.ClientSession() as session:
            yield Service(server.url, session)
    finally:
        await server.stop(2)


def read_trouble(caplog):
    """What was logged that is no mere information."""
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("name", FAULTS)
async def test_the_service_goes_on_with_the_version_before_and_one_line_says_why(
    name, store, good, settings, use_child, caplog
):
    """Answers keep their bits, `/models` and a metric tell of it, and the next good version serves."""
    fault = FAULTS[name]
    use_child(fault.child)
    async with serve(settings) as service:
        assert await service.predict() == (GOOD, expected_scores())
        move_alias(store, fault.tamper)
        for _ in range(LOOKS):
            look = await service.ask("/models/reload", {})
            assert (look["outcome"], look["version"]) == ("rejected", GOOD)
            assert await service.predict() == (GOOD, expected_scores())
        assert re.search(fault.says, look["detail"])
        (line,) = read_trouble(caplog)
        assert line.event == "version_rejected"
        assert re.search(fault.says, line.getMessage())
        assert NAME in line.getMessage()
        told = await service.ask("/models")
        assert told["reload"] == {"outcome": "rejected", "detail": look["detail"]}
        assert told["live"]["version"] == GOOD
        assert await service.count_looks("rejected") == LOOKS

        number = cure(store, good)
        look = await service.ask("/models/reload", {})
        assert (look["outcome"], look["version"], look["detail"]) == ("reloaded", number, None)
        assert await service.predict() == (number, expected_scores())
        assert (await service.ask("/models"))["reload"] == {"outcome": "reloaded", "detail": None}
        assert len(read_trouble(caplog)) == 1


@pytest.mark.parametrize("name", FAULTS)
def test_a_start_refuses_what_may_not_serve_and_says_why(name, store, good, settings, use_child):
    fault = FAULTS[name]
    use_child(fault.child)
    move_alias(store, fault.tamper)
    with pytest.raises(ServiceError, match=fault.says) as caught:
        Parts(settings, ROLES)
    assert find_exit_code(caught.value) == LACKING


def await_look(service, condition):
    return await_models(service, condition, within_seconds=20.0)


@pytest.mark.parametrize("name", AS_PROCESSES)
def test_the_service_as_a_process_goes_on_too(name, store, good, variables, scoreline_service):
    """It looks by itself, five times a second; the log has one line all the same."""
    fault = FAULTS[name]
    service = scoreline_service({**variables, "MODEL_RELOAD_SECONDS": "0.2"}, roles=["http"]).start().await_ready()
    move_alias(store, fault.tamper)
    told = await_look(service, lambda told: told["reload"]["outcome"] == "rejected")
    assert re.search(fault.says, told["reload"]["detail"])
    answer = post(service, "/predict", {"instances": INSTANCES})
    assert (answer["version"], answer["predictions"]) == (GOOD, expected_scores())
    for _ in range(LOOKS):
        post(service, "/models/reload", {})
    number = cure(store, good)
    await_look(service, lambda told: told["live"]["version"] == number)
    answer = post(service, "/predict", {"instances": INSTANCES})
    assert (answer["version"], answer["predictions"]) == (number, expected_scores())
    assert service.terminate() == 0
    (line,) = service.logs("version_rejected")
    assert re.search(fault.says, line["message"])


@pytest.mark.parametrize("name", AS_PROCESSES)
def test_the_service_as_a_process_ends_with_3_within_ten_seconds(name, store, good, variables, scoreline_service):
    move_alias(store, FAULTS[name].tamper)
    service = scoreline_service(variables, roles=["http"]).start()
    assert service.process.wait(START_SECONDS) == LACKING
    assert re.search(FAULTS[name].says, service.last_words())
