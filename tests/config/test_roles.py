"""Roles, as a command line names them."""

import pytest

from scoreline.config.roles import Role, choose_roles
from scoreline.errors import ConfigError


def test_no_role_means_all_that_there_are():
    assert choose_roles([]) == {Role.STREAM, Role.HTTP, Role.JOBS}


def test_roles_are_those_that_were_named():
    assert choose_roles(["http", "http"]) == {Role.HTTP}


def test_every_role_that_is_not_there_is_told():
    with pytest.raises(ConfigError) as caught:
        choose_roles(["http", "nap", "sleep"])

    assert caught.value.problems == (
        "--role nap: there is no such role; expected http, jobs or stream",
        "--role sleep: there is no such role; expected http, jobs or stream",
    )
