"""A sidecar as commands ask it: where, with which token, and what its refusals mean."""

import json
from pathlib import Path

import pytest

from scoreline.cli.exits import find_exit_code
from scoreline.cli.sidecar import find_url, open_client, translate
from scoreline.client import ClientError, Problem, RowError
from scoreline.client import errors as client_errors
from scoreline.client.exchange import Reply
from scoreline.client.reading import read_job
from scoreline.config.settings import Settings
from scoreline.config.tokens import Access, parse_tokens
from scoreline.errors import (
    ConfigError,
    DependencyError,
    InstanceProblem,
    InvalidInstances,
    Overloaded,
    Refused,
    Unavailable,
)
from tests.client.jobs import tell_job
from tests.client.scripted import answering, scripted


def make(error):
    """An error of the client's as it comes."""
    if issubclass(error, client_errors.Rejected):
        return error(Problem(418, "urn:x", "Title", "because", errors=[RowError(1, "is null", "a")]))
    if error is client_errors.WaitExpired:
        return error(read_job(Reply(200, {}, json.dumps(tell_job()).encode())), 5.0)
    return error("because")


def list_below(root):
    return [root, *(leaf for child in root.__subclasses__() for leaf in list_below(child))]


@pytest.mark.parametrize("error", list_below(ClientError)[1:], ids=lambda error: error.__name__)
def test_every_error_of_the_client_has_one_of_ours(error):
    if error is client_errors.Rejected:
        assert all(translate(make(each)) for each in error.__subclasses__())
        return
    assert find_exit_code(translate(make(error))) in (2, 3)


@pytest.mark.parametrize(
    ("error", "ours", "code"),
    [
        (client_errors.NotSent, ConfigError, 2), (client_errors.InvalidRequest, ConfigError, 2),
        (client_errors.Denied, Refused, 3), (client_errors.NotFound, DependencyError, 3),
        (client_errors.Expired, DependencyError, 3), (client_errors.Conflict, DependencyError, 3),
        (client_errors.Overloaded, Overloaded, 3), (client_errors.Unserved, Unavailable, 3),
        (client_errors.Unreachable, Unavailable, 3), (client_errors.Untrusted, Refused, 3),
        (client_errors.UnreadableAnswer, Unavailable, 3), (client_errors.WaitExpired, Unavailable, 3),
    ],
)  # fmt: skip
def test_a_refusal_keeps_its_words_and_gets_its_exit_code(error, ours, code):
    found = translate(make(error))

    assert type(found) is ours
    assert find_exit_code(found) == code
    assert "because" in str(found) or "is still queued" in str(found)


def test_bad_rows_keep_their_place():
    found = translate(make(client_errors.InvalidRows))

    assert isinstance(found, InvalidInstances)
    assert found.problems == (InstanceProblem(1, "is null", "a"),)


@pytest.mark.parametrize(
    ("token", "access", "shown"),
    [(None, None, "Bearer p"), (None, Access.ADMIN, "Bearer a"), ("mine", Access.ADMIN, "Bearer mine")],
)
def test_a_token_is_the_one_that_was_said_or_the_first_that_is_configured(token, access, shown):
    settings = Settings(http_tokens=parse_tokens("predict:p,admin:a"))
    with (
        scripted(answering(200, {"status": "ready", "components": []})) as server,
        open_client(settings, server.url, token, access=access) as client,
    ):
        client.health()

    assert server.asked[0].headers["authorization"] == shown


def test_only_http_is_spoken():
    with pytest.raises(ConfigError, match="expected http://"), open_client(Settings(), "file:///etc/passwd", None):
        """Not reached."""


def test_authorities_that_cannot_be_read_are_bad_arguments():
    with (
        pytest.raises(ConfigError, match=r"nowhere\.pem"),
        open_client(Settings(), "https://h", None, Path("/nowhere.pem")),
    ):
        """Not reached."""


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 - as it may be configured
        ("::", "http://[::1]:8080"),
        ("::1", "http://[::1]:8080"),
        ("sidecar", "http://sidecar:8080"),
    ],
)
def test_the_configured_sidecar_is_asked(host, url):
    assert find_url(Settings(http_host=host)) == url


def test_the_configured_sidecar_is_asked_over_tls_where_it_speaks_that():
    assert find_url(Settings(http_tls_cert="c.pem", http_tls_key="k.pem")) == "https://127.0.0.1:8080"
