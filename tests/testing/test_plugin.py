import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from scoreline.errors import Unavailable
from scoreline.testing import kafkas
from scoreline.testing.kafkas import RunningKafka
from scoreline.testing.registry import RealRegistry

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.slow  # each is a session of pytest, or several

USES_KAFKA = "def test_it(kafka): assert kafka.bootstrap_servers == 'there:9092'"


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a test file in a session of its own, in this process, with or without a Kafka to be had."""

    def run(code, *options, found=None):
        @contextmanager
        def running_kafka(told):
            if found is None:
                raise Unavailable(f"nothing at {told}")
            yield found

        monkeypatch.setattr(kafkas, "running_kafka", running_kafka)
        pytester.makepyfile(code)
        unwanted = [f"-pno:{name}" for name in ("randomly", "asyncio", "hypothesispytest", "unraisableexception")]
        return pytester.runpytest_inprocess(*unwanted, "-rs", *options)

    return run


def test_a_kafka_that_is_found_is_given_and_named_in_the_summary(run):
    result = run(USES_KAFKA, found=RunningKafka("there:9092", "told"))
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["kafka: there:9092 (told)"])


def test_without_one_the_test_is_skipped_with_the_reason(run, monkeypatch):
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    result = run(USES_KAFKA)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*no real kafka: nothing at None*"])


def test_where_it_is_required_the_skip_is_a_failure(run):
    result = run(USES_KAFKA, "--require-kafka")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*--require-kafka: nothing at *"])


def test_a_registry_is_skipped_or_required_likewise(run, monkeypatch):
    def refuse(self):
        raise Unavailable("no archive")

    monkeypatch.setattr(RealRegistry, "start", refuse)
    code = "def test_it(schema_registry): pass"
    run(code).stdout.fnmatch_lines(["*no real registry: no archive*"])
    run(code, "--require-kafka").assert_outcomes(skipped=1)
    run(code, "--require-registry").assert_outcomes(errors=1)


def test_a_program_of_the_machine_is_skipped_or_required_likewise(run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    code = "from tests.tools import require_tool\ndef test_it(request): require_tool(request, 'promtool')"
    result = run(code)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*no such program: promtool (*apt-get install prometheus)*"])
    run(code, "--require-tools").assert_outcomes(failed=1)


def test_the_environment_names_a_kafka_and_the_option_wins(run, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "environment:9092")
    run(USES_KAFKA).stdout.fnmatch_lines(["*nothing at environment:9092*"])
    run(USES_KAFKA, "--kafka-bootstrap-servers", "option:9092").stdout.fnmatch_lines(["*nothing at option:9092*"])


def test_the_mock_stands_in_where_it_may_and_says_what_it_is_worth(run):
    result = run("def test_it(kafka_or_mock): assert ':' in kafka_or_mock.bootstrap_servers")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["kafka: a mock for test_it: it proves nothing about guarantees: *"])


def test_the_mock_does_not_stand_in_where_the_real_one_is_required(run):
    run("def test_it(kafka_or_mock): pass", "--require-kafka").assert_outcomes(errors=1)


def test_a_service_that_a_test_forgets_is_ended(run, tmp_path):
    code = f"""
        import pathlib, sys
        def test_it(scoreline_service):
            service = scoreline_service({{}})
            service._command = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
            service.start()
            pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(service.pid))
    """
    run(code).assert_outcomes(passed=1)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_loading_the_plugin_loads_no_client():
    """It is loaded into every pytest run of an environment that has scoreline."""
    code = "import sys, scoreline.testing.plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    ours = {name for name in loaded if name.startswith("scoreline.")}
    assert ours == {"scoreline.testing", "scoreline.testing.plugin"}
    assert not loaded & {"confluent_kafka", "numpy", "jgo", "testcontainers"}
