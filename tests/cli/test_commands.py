"""The command line as a whole."""

import subprocess
import sys

import pytest

from scoreline import __version__
from scoreline.cli import main

COMMANDS = [
    ["run"],
    ["check"],
    ["broker"],
    ["topics"],
    ["topics", "create"],
    ["models"],
    ["models", "publish"],
    ["produce"],
    ["tail"],
    ["predict"],
    ["jobs"],
    ["jobs", "submit"],
    ["jobs", "status"],
    ["jobs", "results"],
    ["jobs", "cancel"],
    ["jobs", "list"],
    ["demo"],
]
HEAVY = {
    "aiohttp",
    "confluent_kafka",
    "fastavro",
    "fsspec",
    "lightgbm",
    "numpy",
    "prometheus_client",
    "pydantic_settings",
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command, capsys):
    assert main([*command, "--help"]) == 0

    shown = capsys.readouterr().out
    assert f"Example: scoreline {command[0]}" in shown
    assert "default: " not in shown or "[default: " in shown


def test_the_help_names_every_command(capsys):
    assert main(["--help"]) == 0

    shown = capsys.readouterr().out
    assert all(f" {command[0]} " in shown for command in COMMANDS)


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"scoreline {__version__}\n"


@pytest.mark.slow
def test_nothing_heavy_is_loaded_before_a_command_is_chosen():
    """Help and completion answer at once."""
    script = "import sys; from scoreline.cli.commands import make_command; make_command(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert "typer" in loaded
    assert HEAVY & set(loaded) == set()


def test_the_service_is_not_started_with_a_bad_configuration(monkeypatch, capsys):
    monkeypatch.setenv("SCORELINE_HTTP_PORT", "eighty")
    monkeypatch.setenv("SCORELINE_INPUT_TOPC", "x")
    monkeypatch.delenv("SCORELINE_KAFKA_BOOTSTRAP_SERVERS", raising=False)

    assert main(["run"]) == 2

    told = capsys.readouterr().err
    assert told.startswith("error: 3 problems\n")
    for variable in ("SCORELINE_HTTP_PORT", "SCORELINE_INPUT_TOPC", "SCORELINE_KAFKA_BOOTSTRAP_SERVERS"):
        assert variable in told


def test_a_role_that_is_not_there_is_bad_arguments(capsys):
    assert main(["run", "--role", "cook"]) == 2
    assert "there is no such role" in capsys.readouterr().err
