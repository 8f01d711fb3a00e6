import pytest

from tests.client.scripted import Doorway


@pytest.fixture(params=["sync", "async"])
def connect(request):
    """Makes clients; every test that uses it tries both."""
    doorway = Doorway(request.param)
    yield doorway
    doorway.close()
