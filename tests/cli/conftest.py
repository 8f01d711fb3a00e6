import pytest


@pytest.fixture(scope="session", autouse=True)
def _made_once(command_line):
    """Nothing here depends on a command line of its own."""
