"""The systemd unit: systemd's own checks, and what it says against the service's settings."""

import re
import subprocess
from pathlib import Path

import pytest

from scoreline.cli.exits import EXIT_CODES
from scoreline.config.environment import Variable
from scoreline.config.roles import Role
from scoreline.config.settings import load_settings
from scoreline.errors import ConfigError, DependencyError
from tests.tools import require_tool

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNIT = (FOLDER / "scoreline.service").read_text()
SETTINGS = re.findall(r"^([A-Z]\w+)=(.*)$", UNIT, re.MULTILINE)
MOST_EXPOSED = 20
"""Tenths on systemd's scale from 0 to 100 of what a service could do to its machine; an unhardened one has 96."""


def value_of(name):
    (found,) = [value for key, value in SETTINGS if key == name]
    return found


def settings_of_the_example():
    pairs = re.findall(r"^(SCORELINE_\w+)=(.*)$", (FOLDER / "scoreline.env").read_text(), re.MULTILINE)
    return load_settings(list(Role), variables=[Variable(name, value, "unit") for name, value in pairs])


@pytest.fixture
def installed(tmp_path):
    """The unit with a program in the place of the one that is not installed here."""
    program = tmp_path / "scoreline"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "scoreline.service"
    unit.write_text(UNIT.replace("/opt/scoreline/bin/scoreline", str(program)))
    return unit


def test_systemd_finds_nothing_to_say_about_the_unit(request, installed):
    told = [require_tool(request, "systemd-analyze"), "verify", "--man=no", str(installed)]
    done = subprocess.run(told, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_would_have_found_a_setting_that_there_is_not(request, installed):
    installed.write_text(installed.read_text().replace("ProtectSystem=", "ProtectSystems="))
    told = [require_tool(request, "systemd-analyze"), "verify", "--man=no", str(installed)]

    assert "ProtectSystems" in subprocess.run(told, capture_output=True, text=True, check=False).stderr


def test_systemd_takes_the_unit_for_well_enclosed(request, installed):
    tool = require_tool(request, "systemd-analyze")
    told = [tool, "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", str(installed)]
    done = subprocess.run(told, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Overall exposure level" in done.stdout


def test_the_example_of_its_variables_is_known_and_valid():
    settings = settings_of_the_example()

    assert settings.kafka_bootstrap_servers
    assert settings.member_id


def test_what_is_written_is_where_the_unit_may_write():
    settings = settings_of_the_example()

    assert settings.model_store.startswith(f"/var/lib/{value_of('StateDirectory')}/")
    assert str(settings.cache_dir) == f"/var/cache/{value_of('CacheDirectory')}"
    assert value_of("EnvironmentFile").endswith("/scoreline.env")


def test_a_stop_is_given_more_time_than_the_service_takes():
    assert int(value_of("TimeoutStopSec")) > settings_of_the_example().shutdown_seconds + 5
    assert value_of("KillSignal") == "SIGTERM"


def test_a_bad_configuration_is_not_started_again_and_what_may_pass_is():
    assert value_of("Restart") == "on-failure"
    assert {int(code) for code in value_of("RestartPreventExitStatus").split()} == {EXIT_CODES[ConfigError]}


def test_a_topic_that_is_missing_for_an_hour_does_not_end_it_for_good_nor_are_starts_a_burden():
    assert int(value_of("StartLimitIntervalSec")) == 0
    assert "StartLimitBurst" not in dict(SETTINGS)
    assert int(value_of("RestartSec")) >= 30
    assert str(EXIT_CODES[DependencyError]) not in value_of("RestartPreventExitStatus").split()
