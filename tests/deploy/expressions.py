"""PromQL against the declared metrics: what an expression asks for that nobody shows."""

import re
from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families

from scoreline.observability.metrics import Metrics
from scoreline.observability.metrics.catalogue import CATALOGUE, Type

TARGET_LABELS = {"job", "instance"}
SUFFIXES = {"_bucket", "_sum", "_count"}
WORDS = {"and", "or", "unless", "offset", "bool", "group_left", "group_right"}

STRING = r'"(?:[^"\\]|\\.)*"'
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SELECTOR = re.compile(rf"([A-Za-z_:][\w:]*)\s*\{{((?:[^}}\"]|{STRING})*)\}}")
MATCHER = re.compile(rf"(\w+)\s*(=~|!~|!=|=)\s*({STRING})")
RATED = re.compile(r"\b(?:rate|irate|increase)\s*\(\s*([A-Za-z_:][\w:]*)")
NAME = re.compile(r"[A-Za-z_:][\w:]*")

DECLARED = {metric.full_name: metric for metric in CATALOGUE}


def read_fresh_service():
    """Labels of every series of a service that did nothing yet, by the series' name."""
    series = defaultdict(list)
    for family in text_string_to_metric_families(Metrics().render("")[0].decode()):
        for sample in family.samples:
            series[sample.name].append(sample.labels)
    return series


FRESH = read_fresh_service()
OTHERS = {"up", *(name for name in FRESH if name.startswith("process_"))}
"""What a scraper has that scoreline does not declare: its own, and what the client library tells of the process."""


def split_name(name):
    """The declaration of a series, and the suffix that a histogram's has; None where there is no such series."""
    for suffix in SUFFIXES:
        family = DECLARED.get(name.removesuffix(suffix))
        if name.endswith(suffix) and family is not None and family.type is Type.HISTOGRAM:
            return family, suffix
    family = DECLARED.get(name)
    return None if family is None or family.type is Type.HISTOGRAM else (family, "")


def read_selectors(expression):
    """(name, [(label, operator, value)]) of everything that an expression selects."""
    rest = GROUPING.sub(" ", expression)
    found = [
        (name, [(label, operator, value[1:-1]) for label, operator, value in MATCHER.findall(matchers)])
        for name, matchers in SELECTOR.findall(rest)
    ]
    rest = re.sub(r"\[[^\]]*\]|offset\s+\w+", " ", re.sub(STRING, " ", SELECTOR.sub(" ", rest)))
    for match in NAME.finditer(rest):
        called = rest[match.end() :].lstrip().startswith("(")
        before = rest[: match.start()]
        if not called and match.group() not in WORDS and not (before and before[-1].isdigit()):
            found.append((match.group(), []))
    return found


def find_problems(expression, recorded=None):
    """What is wrong with an expression, in words; empty where it can be answered.

    Args:
        recorded: labels of what rules record, by its name.
    """
    problems, labels = [], set(TARGET_LABELS)
    for name, matchers in read_selectors(expression):
        if name in (recorded or {}):
            labels |= recorded[name]
            problems += [f"{name} has no label {label}" for label, *_ in matchers if label not in recorded[name]]
            continue
        if name in OTHERS:
            problems += [f"{name} has no label {label}" for label, *_ in matchers if label not in TARGET_LABELS]
            continue
        found = split_name(name)
        if found is None:
            problems.append(f"nobody shows {name}")
            continue
        family, suffix = found
        own = {*family.labels, *(("le",) if suffix == "_bucket" else ())}
        labels |= own
        problems += [f"{name} has no label {label}" for label, *_ in matchers if label not in own | TARGET_LABELS]
        problems += [problem for matcher in matchers for problem in find_strange_value(name, *matcher)]
    for names in GROUPING.findall(expression):
        asked = {label.strip() for label in names.split(",") if label.strip()}
        problems += [f"grouped by {label}, which nothing has" for label in sorted(asked - labels)]
    for name in RATED.findall(expression):
        found = split_name(name)
        if found is not None and found[0].type is Type.GAUGE:
            problems.append(f"{name} is a gauge and has no rate")
    if "histogram_quantile" in expression and not re.search(r"by \([^)]*\ble\b[^)]*\)", expression):
        problems.append("a quantile needs the label le")
    return problems


def find_strange_value(name, label, operator, value):
    """A value that no series will have, of a label whose values are all there from the start."""
    known = {labels[label] for labels in FRESH[name] if label in labels} if name in FRESH else set()
    if not known or "$" in value:
        return []
    asked = value.split("|") if operator in {"=~", "!~"} else [value]
    return [f"{name} never has {label}={each}" for each in asked if not any(re.fullmatch(each, v) for v in known)]
