"""Makes `dashboard.json`, which Grafana imports, of the panels beside it: `python -m deploy.grafana.dashboard`."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.grafana.panel import Panel, Query, Row
from deploy.grafana.panels import ROWS

FILE = Path(__file__).with_name("dashboard.json")
COLUMNS = 24
HEIGHTS = {"stat": 4}
OTHER_HEIGHT = 8
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
CHOSEN = 'job=~"$job", instance=~"$instance"'

METRIC = re.compile(r"\b((?:scoreline|process)_\w+)(?:\{((?:[^}\"]|\"[^\"]*\")*)\})?")


def select(expression: str) -> str:
    """The expression for the job and the instances that are chosen."""
    return METRIC.sub(lambda m: f"{m[1]}{{{', '.join(filter(None, (m[2], CHOSEN)))}}}", expression)


def make_dashboard(rows: Sequence[Row] = ROWS) -> dict[str, Any]:
    """The dashboard as Grafana's JSON model."""
    panels = list(_lay_out(rows))
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    return {
        "title": "scoreline",
        "uid": "scoreline",
        "description": "Everything that scoreline shows; alerts and runbooks are in docs/operations.md.",
        "tags": ["scoreline", "kafka", "mlops"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": _list_variables()},
        "annotations": {"list": []},
        "links": [],
        "panels": panels,
    }


def write() -> None:
    """Write the file anew."""
    FILE.write_text(json.dumps(make_dashboard(), indent=1) + "\n")


def _list_variables() -> list[dict[str, Any]]:
    several = {"multi": True, "includeAll": True, "current": {"text": "All", "value": "$__all"}}
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        _make_variable("job", "Job", "label_values(scoreline_build_info, job)", **several),
        _make_variable("instance", "Instance", 'label_values(scoreline_build_info{job=~"$job"}, instance)', **several),
    ]


def _make_variable(name: str, label: str, query: str, **more: Any) -> dict[str, Any]:
    on_time_range_change = 2
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": on_time_range_change,
        "sort": 1,
        **more,
    }


def _lay_out(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Rows one below the other, the panels of each from left to right."""
    y = 0
    for row in rows:
        yield {"type": "row", "title": row.title, "collapsed": False, "panels": [], "gridPos": _place(0, y, COLUMNS, 1)}
        x, y, tallest = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            height = HEIGHTS.get(panel.kind, OTHER_HEIGHT)
            yield {**_make_panel(panel), "gridPos": _place(x, y, panel.width, height)}
            x, tallest = x + panel.width, max(tallest, height)
        y += tallest


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _make_panel(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "color": {"mode": "palette-classic"}}
    if panel.states:
        options = {str(value): {"text": text, "color": color} for value, text, color in panel.states}
        defaults |= {"mappings": [{"type": "value", "options": options}], "color": {"mode": "thresholds"}}
    if panel.bad_at is not None:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": panel.bad_at}]
        defaults |= {"thresholds": {"mode": "absolute", "steps": steps}, "color": {"mode": "thresholds"}}
    return {
        "type": panel.kind,
        "title": panel.title,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _choose_options(panel.kind),
        "targets": [_make_target(chr(ord("A") + i), query) for i, query in enumerate(panel.queries)],
    }


def _make_target(ref_id: str, query: Query) -> dict[str, Any]:
    expression = select(query.expression)
    return {"refId": ref_id, "datasource": SOURCE, "expr": expression, "legendFormat": query.legend}


def _choose_options(kind: str) -> dict[str, Any]:
    if kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}, "colorMode": "background"}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    if kind == "timeseries":
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    return {"legend": legend, "mergeValues": True, "showValue": "never"}


if __name__ == "__main__":
    write()
