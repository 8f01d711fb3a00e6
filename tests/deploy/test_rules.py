"""The alerts: promtool's own checks and scenarios, and whether each can be answered, is tried, and has a runbook."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from scoreline.cli import main
from tests.deploy.expressions import OTHERS, find_problems, read_selectors
from tests.tools import require_tool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
EVERY = [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]]
RULES = [rule for rule in EVERY if "alert" in rule]
RECORDED = {rule["record"]: rule["expr"] for rule in EVERY if "record" in rule}
LABELS_RECORDED = {name: {"job", "version"} for name in RECORDED}
ALERTS = [rule["alert"] for rule in RULES]
SCENARIOS = yaml.safe_load((FOLDER / "rules_test.yml").read_text())["tests"]
PAGE = (ROOT / "docs" / "operations.md").read_text()
SEVERITIES = {"critical", "warning", "info"}

every_alert = pytest.mark.parametrize("rule", RULES, ids=ALERTS)


def expected_of(alert):
    """(series of the scenario, alerts that are expected), of every scenario of an alert."""
    return [
        (scenario["input_series"], test["exp_alerts"])
        for scenario in SCENARIOS
        for test in scenario["alert_rule_test"]
        if test["alertname"] == alert
    ]


def names_asked(expression):
    """What of a service's metrics an expression asks for, by way of what is recorded, too."""
    for name, _ in read_selectors(expression):
        yield from names_asked(RECORDED[name]) if name in RECORDED else [name]


def runbook_of(alert):
    """Its section on the page, without the heading."""
    return re.search(rf"^### {alert}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL).group(1)


def row_of(alert):
    """Its row in the table of alerts."""
    (row,) = re.findall(rf"^\| \[`{alert}`\]\(#{alert.lower()}\) \|(.*)\|$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in row.split(" | ")]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["check config prometheus.yml", "test rules rules_test.yml"])
def test_promtool_finds_nothing_wrong(request, command):
    told = [require_tool(request, "promtool"), *command.split()]
    done = subprocess.run(told, cwd=FOLDER, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_names_are_told_apart():
    assert len(set(ALERTS)) == len(ALERTS)
    assert all(re.fullmatch(r"Scoreline[A-Z][A-Za-z]+", alert) for alert in ALERTS)


@every_alert
def test_what_an_alert_asks_for_is_shown(rule):
    assert read_selectors(rule["expr"])
    assert find_problems(rule["expr"], LABELS_RECORDED) == []


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_recorded_is_shown_has_its_labels_and_is_asked_for(name):
    assert find_problems(RECORDED[name]) == []
    assert f"by ({', '.join(sorted(LABELS_RECORDED[name]))})" in RECORDED[name]
    assert any(name in rule["expr"] for rule in RULES)


@every_alert
def test_an_alert_looks_at_every_deployment_and_at_nothing_else(rule):
    """What only scoreline shows needs no choice of the job."""
    chosen = {(name, matcher) for name, matchers in read_selectors(rule["expr"]) for matcher in matchers or [None]}
    for name, matcher in chosen:
        if name in OTHERS:
            assert matcher == ("job", "=~", "scoreline.*"), name
    assert not [matcher for name, matcher in chosen if name not in OTHERS and matcher and matcher[0] == "job"]


@every_alert
def test_an_alert_has_a_scenario_in_which_it_fires_and_one_in_which_it_is_silent(rule):
    fires, silent = (
        [series for series, expected in expected_of(rule["alert"]) if bool(expected) == fired]
        for fired in (True, False)
    )
    asked = set(names_asked(rule["expr"]))

    assert fires
    assert silent
    # Silence where there is nothing to see proves nothing.
    for series in silent:
        assert asked & {each["series"].partition("{")[0] for each in series}


@every_alert
def test_an_alert_says_how_bad_it_is_what_it_means_and_what_to_read(rule):
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"


@every_alert
def test_an_alert_is_in_the_table_of_the_page_as_it_is(rule):
    severity, held, reason = row_of(rule["alert"])

    assert reason
    assert severity == rule["labels"]["severity"]
    assert held == rule.get("for", "at once")


@every_alert
def test_an_alert_has_a_runbook_that_says_what_it_means_and_what_to_look_at_and_do(rule):
    text = runbook_of(rule["alert"])

    assert re.findall(r"^\*\*(\w+)\*\*", text, re.MULTILINE) == ["Means", "Look", "Do"]


@pytest.mark.slow
def test_commands_of_the_runbooks_are_there_with_their_options(capsys):
    section = PAGE.split("\n## Alerts\n")[1]
    told = {" ".join(each.split()) for each in re.findall(r"`scoreline\s([^`]+)`", section)}

    assert len(told) > 10
    for line in told:
        words = line.split()
        command = [word for word in words if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")][:2]
        options = [word for word in words if word.startswith("--")]
        assert main([*command, "--help"]) == 0, line
        shown = capsys.readouterr().out
        assert all(option in shown for option in options), line


def test_nothing_on_the_page_is_about_an_alert_that_there_is_not():
    section = PAGE.split("\n## Alerts\n")[1].split("\n## ")[0]

    assert re.findall(r"^### (\w+)$", section, re.MULTILINE) == ALERTS
    assert re.findall(r"^\| \[`(\w+)`\]", section, re.MULTILINE) == ALERTS
