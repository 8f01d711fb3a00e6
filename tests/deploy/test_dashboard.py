"""The Grafana dashboard: importable, made of what is declared, and complete."""

import itertools
import json

import pytest

from deploy.grafana.dashboard import COLUMNS, FILE, make_dashboard, select
from tests.deploy.expressions import DECLARED, find_problems, read_selectors, split_name

DASHBOARD = json.loads(FILE.read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ROWS = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
UNITS = {"none", "short", "s", "bytes", "percentunit", "reqps", "ops"}
CHOSEN = [("job", "=~", "$job"), ("instance", "=~", "$instance")]


def cells(panel):
    """The cells of the grid that a panel covers."""
    place = panel["gridPos"]
    across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
    return set(itertools.product(across, down))


def test_the_file_is_what_the_panels_make():
    """After a change: python -m deploy.grafana.dashboard."""
    assert make_dashboard() == DASHBOARD


def test_grafana_can_import_it():
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["title"] == DASHBOARD["uid"] == "scoreline"
    assert "id" not in DASHBOARD
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        assert panel["title"]


def test_the_source_of_the_data_and_what_is_shown_of_it_are_chosen_on_the_page():
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}

    assert variables["datasource"]["type"] == "datasource"
    assert list(variables) == ["datasource", "job", "instance"]
    for shown in (*PANELS, *(target for panel in PANELS for target in panel["targets"])):
        assert shown["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for name in ("job", "instance"):
        assert "scoreline_build_info" in variables[name]["query"]["query"]


def test_panels_lie_beside_and_below_each_other():
    taken = set()
    for panel in DASHBOARD["panels"]:
        covered = cells(panel)
        assert not covered & taken, panel["title"]
        assert max(x for x, _ in covered) < COLUMNS
        taken |= covered


def test_its_rows_lead_from_the_whole_to_the_parts():
    assert [
        *("Overview", "Stream", "Dead letters", "HTTP", "Models and versions", "Drift and quality", "Jobs", "Process"),
    ] == ROWS


@pytest.mark.parametrize(("title", "expression"), QUERIES, ids=lambda value: str(value)[:40])
def test_what_a_panel_asks_for_is_shown(title, expression):
    assert find_problems(expression) == []
    for name, matchers in read_selectors(expression):
        assert matchers[-2:] == CHOSEN, name


def test_every_panel_has_a_unit():
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS} <= UNITS


def test_every_metric_is_on_the_dashboard():
    found = (split_name(name) for _, expression in QUERIES for name, _ in read_selectors(expression))

    assert set(DECLARED) - {each[0].full_name for each in found if each} == set()


def test_the_choice_of_instances_goes_into_every_selector():
    assert select('a / scoreline_x{b="}"} + process_y') == (
        'a / scoreline_x{b="}", job=~"$job", instance=~"$instance"} + process_y{job=~"$job", instance=~"$instance"}'
    )
