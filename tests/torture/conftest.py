"""The model, and what the tests have to say when all is over, even where all went well."""

import pytest

from tests.torture.tiny import make_tiny

TOLD = "torture"


def pytest_terminal_summary(terminalreporter):
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        told = [f"    {line}" for name, line in report.user_properties if name == TOLD]
        for line in (f"torture: {report.nodeid}", *told) if told else ():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tell(record_property):
    """`tell("a line")` has it printed with the summary, under the name of the test."""
    return lambda line: record_property(TOLD, line)
