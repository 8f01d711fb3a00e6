"""The model, and what the tests have to say when all is over, even where all went well."""

import pytest

from tests.torture.tiny import make_tiny

SAID = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(SAID, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tell(request):
    """`tell("a line")` has it printed with the summary, under the name of the test."""
    lines = request.config.stash.setdefault(SAID, [])
    lines.append(f"torture: {request.node.name}")
    return lambda line: lines.append(f"    {line}")
