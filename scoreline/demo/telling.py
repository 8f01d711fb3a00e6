"""The last steps: what came out, what drift says, the same flight over HTTP, and what follows from all of it."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Console

from scoreline.demo.conclusions import Delivery, Findings, conclude
from scoreline.demo.console import print_plain, print_step
from scoreline.demo.flights import FEATURES, to_rows
from scoreline.demo.months import list_standing
from scoreline.demo.processes import Commands
from scoreline.demo.quality import area_under_curve
from scoreline.demo.streaming import PACED_PER_SECOND, PACED_RECORDS, Clients, Streamed
from scoreline.demo.views import format_example, make_drift_table, make_result_table

if TYPE_CHECKING:
    import pandas as pd


def tell(
    console: Console, commands: Commands, clients: Clients, streamed: "pd.DataFrame", done: Streamed, poisons: int
) -> None:
    """Tell everything that was measured, and conclude."""
    seen = clients.predictions.seen
    stats = clients.service.read_stats()
    standing = list_standing(clients.service.read_drift())
    _tell_speed(console, clients, done)
    (quality,) = stats["quality"]["versions"].values()
    arrived = streamed[streamed["late"].notna()]
    auc = area_under_curve(arrived["late"].to_numpy(), [seen.predictions[flight] for flight in arrived["id"]])
    console.print(make_result_table(seen, len(streamed), poisons, quality["since_start"], auc))
    for line in format_example(seen, stats):
        print_plain(console, line)
    print_step(console, 6, f"curl -s {clients.service.url}/drift")
    clients.events.read_until(clients.service.count_drift_events())
    kinds = Counter(event["kind"] for event in clients.events.events)
    print_plain(
        console,
        f"  {kinds['raised']} states were raised and {kinds['cleared']} cleared since July, each with a record on "
        f"drift-events; the histograms are on {clients.service.url}/#drift",
    )
    if standing:
        console.print(make_drift_table(standing))
    print_step(console, 7, "Ask the sidecar for the same flight")
    _ask_sidecar(console, commands, streamed, clients)
    print_step(console, 8, "What an operator should conclude")
    delivery = Delivery(
        records=done.records,
        answered=len(seen),
        repeated=seen.repeated,
        poisons=poisons,
        dead_letters=sum(seen.dead_letters.values()),
        lag=clients.service.await_no_lag(),
        labels=done.labels,
        joined=stats["quality"]["joined"],
    )
    findings = Findings(done.drift, done.quality, standing, delivery)
    for sentence in conclude(findings):
        print_plain(console, f"  - {sentence}")


def _tell_speed(console: Console, clients: Clients, done: Streamed) -> None:
    rate = done.fast_records / done.fast_seconds
    print_plain(console, f"  {rate:,.0f} records per second; producer, broker, service and reader share this machine")
    ordered = sorted(clients.predictions.seen.latencies_ms)
    p50, p95, p99 = (ordered[int(len(ordered) * q)] for q in (0.5, 0.95, 0.99))
    print_plain(
        console,
        f"  the last {PACED_RECORDS:,} flights at {PACED_PER_SECOND:,.0f} a second, from produced to readable "
        f"prediction: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms",
    )


def _ask_sidecar(console: Console, commands: Commands, streamed: "pd.DataFrame", clients: Clients) -> None:
    seen, url = clients.predictions.seen, clients.service.url
    row = next(to_rows(streamed[streamed["id"] == seen.example["id"]]))
    instance = {name: row[name] for name in FEATURES if row[name] is not None}
    (commands.folder / "flight.jsonl").write_text(json.dumps(instance) + "\n")
    answer: dict[str, Any] = json.loads(commands.run("predict", "flight.jsonl", "--url", url, "--json"))
    print_plain(console, f"  over HTTP  {answer['prediction']!r}")
    print_plain(console, f"  on Kafka   {seen.predictions[seen.example['id']]!r}")
    body = json.dumps({"instances": [instance]})
    print_plain(console, "\n  try it:")
    print_plain(console, f"  curl -s {url}/predict -H 'Content-Type: application/json' -d '{body}'")
    print_plain(console, f"  curl -s {url}/health; curl -s {url}/metrics; curl -s {url}/stats; curl -s {url}/drift")
