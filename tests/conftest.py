"""What all tests share: how they are collected, in what order, and the command line."""

import functools
import gc

import pytest

from tests.longest import LONGEST


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Have LightGBM imported as the service does, before a test does: without pandas and scikit-learn, a second less.

    Whoever trains from a frame does so in a process of its own, as people do. Not sooner: a process that only hands
    out tests to others collects none.
    """
    import scoreline.models.booster  # noqa: F401

    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without looking for garbage, of which there is none, and never again in what was collected."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with the longest files, so that processes that share the tests end together; the others come as drawn."""
    places = {file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(scope="session")
def command_line():
    """`scoreline.cli.main` with commands that are made once; a process makes them once too, and it takes 15 ms."""
    from scoreline.cli import commands

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(commands, "make_command", functools.cache(commands.make_command))
        yield
