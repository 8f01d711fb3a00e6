"""Sections about the model: versions and routes, drift, quality."""

from collections.abc import Mapping
from typing import Literal

from scoreline.http.model_answers import ListingAnswer, VersionAnswer
from scoreline.http.pages.status.histogram import draw_histogram, tell_differences
from scoreline.http.pages.status.markup import Child, Html, element, join, name_of, note, section, table
from scoreline.http.pages.status.picture import StatusPicture
from scoreline.http.pages.status.sections import explain_absence
from scoreline.http.pages.status.wording import UNKNOWN, say_count, say_number, say_seconds, say_share, say_state
from scoreline.models.routes import RouteAnswer
from scoreline.observability.drift.report import CauseReport, FeatureReport, Limits, VersionReport
from scoreline.observability.snapshot import Snapshot

_RATIO = "_ratio"
_Measure = Literal["auc", "log_loss", "error", "calibration_error", "absolute_error", "root_mean_squared_error", "bias"]
_MEASURES: Mapping[_Measure, str] = {
    "auc": "AUC",
    "log_loss": "log loss",
    "error": "error",
    "calibration_error": "calibration error",
    "absolute_error": "absolute error",
    "root_mean_squared_error": "RMSE",
    "bias": "bias",
}
_LIMITS: Mapping[Limits | None, str] = {
    "calibrated": "limits calibrated",
    "partly calibrated": "limits calibrated for windows of some lengths",
    "uncalibrated": "uncalibrated: limits are fixed",
    None: "limits not known yet",
}
_BAD_FIRST = {"drift": 0, "warning": 1}
_MOST_AXES, _MOST_VERSIONS, _MOST_OTHERS, _MOST_ALIASES = 40, 24, 4, 24


def show_models(picture: StatusPicture) -> Html:
    """What answers, what every alias means, and the versions of the store."""
    models = picture.models
    if models is None:
        return section("models", "Versions", explain_absence(picture, "The model store has not answered yet."))
    live = models["live"]
    aliases = [(name_of(alias), _say_route(route)) for alias, route in models["aliases"].items()]
    by_version = {} if picture.totals is None else _count_predictions(picture.totals)
    named = [each for each in models["versions"] if each["aliases"] or each["loaded"]]
    others = [each for each in models["versions"] if not each["aliases"] and not each["loaded"]]
    shown = sorted([*named, *others[-_MOST_OTHERS:]], key=lambda each: -each["version"])
    rows = [_show_version(each, by_version) for each in shown[:_MOST_VERSIONS]]
    heads = ("version", "aliases", "state", "engine", "predictions")
    return section(
        "models",
        "Versions",
        element("p", name_of(models["model"]), " answers by ", name_of(live["alias"]), ": ", _say_route(live), "."),
        table("Aliases", ("alias", "means"), aliases[:_MOST_ALIASES], key="aliases") if aliases else None,
        table(
            f"{len(rows)} of {len(models['versions'])} versions, newest first; predictions since the start",
            heads,
            rows,
            key="versions",
        )
        if rows
        else None,
        _show_shadows(models),
    )


def _say_route(route: RouteAnswer) -> str:
    """`version 7`, or shares of several, with the shadows."""
    if "version" in route:
        return f"version {route['version']}"
    weights = route.get("weights", {})
    whole = sum(weights.values()) or 1
    shares = ", ".join(f"version {version} ({say_share(weight / whole)})" for version, weight in weights.items())
    shadows = ", ".join(map(str, route.get("shadows", ())))
    return f"{shares}; shadowed by {shadows}" if shadows else shares


def _show_version(version: VersionAnswer, predictions: dict[str, int]) -> tuple[Child, ...]:
    number = version["version"]
    engine = "compiling" if version["compiling"] else version["engine"]
    return (
        number,
        name_of(", ".join(version["aliases"]) or UNKNOWN),
        say_state("loaded" if version["loaded"] else "not loaded"),
        UNKNOWN if engine is None else name_of(engine),
        say_count(predictions.get(str(number), 0)),
    )


def _count_predictions(totals: Snapshot) -> dict[str, int]:
    counts: dict[str, int] = {}
    for role in (totals["stream"], totals["http"], totals["jobs"]):
        for version, n in role["predictions"]["versions"].items():
            counts[version] = counts.get(version, 0) + n
    return counts


def _show_shadows(models: ListingAnswer) -> Html | None:
    rows = [
        (
            f"{each['shadow']} beside {each['version']}",
            say_count(each["count"]),
            say_number(each["difference"]["mean"]),
            say_share(each["agreement"]),
        )
        for each in models["shadows"]
    ]
    heads = ("shadow", "rows", "mean difference", "agreement")
    return table("Shadows against what was answered", heads, rows, key="shadows") if rows else None


def show_drift(picture: StatusPicture) -> Html:
    """Every version that is watched, with its features and outputs."""
    drift = picture.drift
    if drift is None:
        return section("drift", "Drift", explain_absence(picture, "Drift is not watched in this process."))
    if not drift["versions"]:
        return section("drift", "Drift", note("Nothing was scored yet."))
    return section("drift", "Drift", *(_show_watched(version) for version in drift["versions"]))


def _show_watched(version: VersionReport) -> Html:
    baseline, window = version["baseline"], version["window"]
    limits = _LIMITS[version["limits"]]
    since = "No baseline yet: the first windows become it."
    if baseline is not None:
        learned = f" at {baseline['learned_at']}" if baseline["learned_at"] else ""
        since = f"Baseline: {baseline['origin']}{learned}, {say_count(baseline['rows'])} rows, {limits}."
    looked = "No window has ended yet."
    if window is not None:
        looked = f"Window: {say_count(window['rows'])} rows from {window['began_at']} to {window['ended_at']}."
    axes = sorted(version["features"], key=lambda axis: _BAD_FIRST.get(axis["state"], len(_BAD_FIRST)))
    number, more = version["version"], len(axes) - _MOST_AXES
    return join(
        element("h3", f"Version {number} ", say_state(version["state"])),
        element("p", f"{since} {looked}"),
        note(version["detail"]) if version["detail"] else None,
        element(
            "ul", *(_show_axis(axis, f"axis-{number}-{axis['name']}") for axis in axes[:_MOST_AXES]), class_="axes"
        ),
        note(f"and {more:,} more, which the model uses less; /drift has all of them") if more > 0 else None,
    )


def _show_axis(axis: FeatureReport, key: str) -> Html:
    """A line that opens: state, name, histogram and score; why and the statistics inside."""
    histogram = axis["histogram"]
    line = element(
        "summary",
        say_state(axis["state"]),
        " ",
        name_of(axis["name"]),
        " ",
        None if histogram is None else draw_histogram(histogram),
        element("span", f"score {say_number(axis['score'])}", class_="score"),
    )
    importance = "" if axis["importance"] is None else f"Importance {say_share(axis['importance'])}. "
    since = f"Since {axis['since']}." if axis["since"] else ""
    inside = element(
        "div",
        element("p", importance, since) if importance or since else None,
        None if axis["cause"] is None else element("p", _say_cause(axis["cause"])),
        None if histogram is None else tell_differences(histogram),
        element("p", ", ".join(_say_statistic(name, value) for name, value in axis["statistics"].items())),
        class_="inside",
    )
    return element("li", element("details", line, inside), data_key=key)


def _say_cause(cause: CauseReport) -> str:
    value, threshold = (_say_value(cause["statistic"], cause[which]) for which in ("value", "threshold"))
    over = f", over {cause['windows']} windows" if cause["windows"] > 1 else ""
    rule = cause["rule"].replace("_", " ")
    return f"{cause['statistic'].replace('_', ' ')} is {value}, the limit {threshold}{over} (rule: {rule})."


def _say_statistic(name: str, value: float) -> str:
    return f"{name.replace('_', ' ')} {_say_value(name, value)}"


def _say_value(name: str, value: float) -> str:
    return say_share(value) if name.endswith(_RATIO) else say_number(value)


def show_quality(picture: StatusPicture) -> Html:
    """How good predictions were, as far as labels have come."""
    quality = picture.quality
    if quality is None:
        needed = "No labels are read: set SCORELINE_LABELS_TOPIC to see how good predictions were."
        return section("quality", "Quality", explain_absence(picture, needed))
    versions = quality["versions"]
    shown = [
        (head, name) for name, head in _MEASURES.items() if any(each[name] is not None for each in versions.values())
    ]
    rows = [
        (
            version,
            each["kind"],
            say_count(each["labels"]),
            *(say_number(each[name]) for _, name in shown),
            say_seconds(each["delay_seconds"]),
        )
        for version, each in versions.items()
    ]
    told = (
        f"{say_count(quality['joined'])} labels were joined to their predictions, {say_count(quality['waiting'])} wait "
        f"for theirs, {say_count(quality['unmatched'])} were given up, {say_count(quality['invalid'])} do not fit."
    )
    heads = ("version", "kind", "labels", *(head for head, _ in shown), "delay")
    latest = table("Over the latest labels of each version", heads, rows, key="quality") if rows else None
    return section("quality", "Quality", element("p", told), latest)
