"""Of the stream: records and what becomes of them, batches, lag, partitions, commits."""

from scoreline.observability.metrics.catalogue.declared import Declared, Type, make_decades

STAGE_BOUNDS = make_decades(-6, 0, 10.0, 30.0, 60.0, 300.0)
END_TO_END_BOUNDS = make_decades(-3, 0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
BATCH_BOUNDS = tuple(float(2**n) for n in range(15))

RECORDS = Declared(
    "records_total",
    Type.COUNTER,
    "records",
    "Records finished, by what became of them: predicted, dead_letter, skipped or forwarded (tombstones).",
    ("topic", "outcome"),
)
DEAD_LETTERS = Declared(
    "dead_letters_total", Type.COUNTER, "records", "Records put on the dead-letter topic, by reason.", ("reason",)
)
PREDICTIONS = Declared(
    "predictions_total",
    Type.COUNTER,
    "predictions",
    "Predictions made, by the way in (stream, http, jobs; shadow: what answers nobody) and the model version.",
    ("path", "version"),
)
BATCH_RECORDS = Declared(
    "batch_records", Type.HISTOGRAM, "records", "Records in a batch of the stream.", bounds=BATCH_BOUNDS
)
STAGE_SECONDS = Declared(
    "stage_seconds",
    Type.HISTOGRAM,
    "seconds",
    "Time that a batch of the stream spent in a stage: poll, decode, predict, encode, publish, commit.",
    ("stage",),
    STAGE_BOUNDS,
)
END_TO_END_SECONDS = Declared(
    "end_to_end_seconds",
    Type.HISTOGRAM,
    "seconds",
    "From a record's Kafka timestamp to the acknowledgement of its prediction.",
    bounds=END_TO_END_BOUNDS,
)
CONSUMER_LAG_RECORDS = Declared(
    "consumer_lag_records",
    Type.GAUGE,
    "records",
    "Offsets between the position and the end of an assigned partition; gone when the partition is.",
    ("topic", "partition"),
)
CONSUMER_LAG_SECONDS = Declared(
    "consumer_lag_seconds",
    Type.GAUGE,
    "seconds",
    "Age of the oldest record of an assigned partition that is not finished, by its Kafka timestamp; 0 if none.",
    ("topic", "partition"),
)
ASSIGNED_PARTITIONS = Declared(
    "assigned_partitions", Type.GAUGE, "partitions", "Partitions that are assigned to this member now."
)
REBALANCES = Declared(
    "rebalances_total",
    Type.COUNTER,
    "rebalances",
    "Changes of this member's assignment; a revocation or loss and the assignment after it count as one.",
)
COMMITS = Declared(
    "commits_total",
    Type.COUNTER,
    "commits",
    "Offset commits that the broker has answered: accepted, or refused (the next commit covers them).",
    ("outcome",),
)
TRANSACTIONS = Declared(
    "transactions_total",
    Type.COUNTER,
    "transactions",
    "Transactions that have ended (exactly once, and jobs): committed, or aborted (its batch is tried or read again).",
    ("outcome",),
)
LOOP_TURNS = Declared(
    "loop_turns_total",
    Type.COUNTER,
    "turns",
    "Turns of the stream's loop, which turns when idle too: without a rate it is stuck.",
)
ROLLED_BACK = Declared(
    "batches_rolled_back_total",
    Type.COUNTER,
    "batches",
    "Batches that could not be finished and were read again, by the error.",
    ("error",),
)

METRICS = (
    RECORDS,
    DEAD_LETTERS,
    PREDICTIONS,
    BATCH_RECORDS,
    STAGE_SECONDS,
    END_TO_END_SECONDS,
    CONSUMER_LAG_RECORDS,
    CONSUMER_LAG_SECONDS,
    ASSIGNED_PARTITIONS,
    REBALANCES,
    COMMITS,
    TRANSACTIONS,
    LOOP_TURNS,
    ROLLED_BACK,
)
