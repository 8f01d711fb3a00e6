"""What came of a torture, whether that is what is promised, and the table that says so."""

from collections import Counter
from dataclasses import dataclass, field

STARTED_BEFORE_SECONDS = 0.3
FATAL_EXIT = 1
EXACTLY_ONCE = "exactly-once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one chapter, or of several together.

    Attributes:
        records: that were sent.
        lost: of them, that neither a prediction nor a dead letter answers.
        doubled: copies of answers beyond the first.
        disordered: first copies that came after a later record of their partition.
        wrong: answers that are not the right ones.
        unread: answers that are there, but were not seen by the reader that followed.
        aborted: records of transactions that were rolled back, which kills and freezes had left open.
        events: how many of each kind.
        silences: the longest silence of any one partition by what had happened before it began, in seconds.
        exits: last words of members that ended by themselves, and of those whose stop failed.
        exit_codes: what members ended with by themselves.
        stop_codes: what members ended with after SIGTERM.
        named: the first few records of each sort of trouble.
    """

    records: int
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    wrong: int = 0
    unread: int = 0
    aborted: int = 0
    events: dict = field(default_factory=dict)
    silences: dict = field(default_factory=dict)
    exits: list = field(default_factory=list)
    exit_codes: list = field(default_factory=list)
    stop_codes: list = field(default_factory=list)
    slowest_stop_seconds: float = 0.0
    named: list = field(default_factory=list)


def find_violations(outcome, delivery):
    """What is not as promised, in words; nothing where all is well."""
    found = {
        "records were lost": outcome.lost,
        "records came out of order": outcome.disordered,
        "answers are wrong": outcome.wrong,
        "answers were not seen by the reader that followed": outcome.unread,
        "stops did not end with 0": sum(code != 0 for code in outcome.stop_codes),
    }
    if delivery == EXACTLY_ONCE:
        found["records were doubled"] = outcome.doubled
        # Whose producer was fenced says so and ends with 1; a fresh process goes on.
        found["members crashed"] = sum(code != FATAL_EXIT for code in outcome.exit_codes)
    else:
        found["members ended by themselves"] = len(outcome.exit_codes)
    return [f"{count} {what}" for what, count in found.items() if count]


def find_longest_silences(silences, moments):
    """The longest silence in seconds by what had happened last before it began.

    Args:
        silences: of single partitions.
        moments: of events, in order: monotonic seconds and kind.
    """
    longest = {}
    for silence in silences:
        # A record may have been under way when the event came.
        before = [kind for at, kind in moments if at <= silence.began + STARTED_BEFORE_SECONDS]
        cause = str(before[-1]) if before else "nothing"
        longest[cause] = max(longest.get(cause, 0.0), silence.seconds)
    return longest


def add_up(outcomes):
    """Several chapters as one."""
    events, silences = Counter(), {}
    for outcome in outcomes:
        events.update(outcome.events)
        for cause, seconds in outcome.silences.items():
            silences[cause] = max(silences.get(cause, 0.0), seconds)
    sums = ("records", "lost", "doubled", "disordered", "wrong", "unread", "aborted")
    lists = ("exits", "exit_codes", "stop_codes", "named")
    return Outcome(
        **{name: sum(getattr(outcome, name) for outcome in outcomes) for name in sums},
        **{name: [each for outcome in outcomes for each in getattr(outcome, name)] for name in lists},
        events=dict(events),
        silences=silences,
        slowest_stop_seconds=max((outcome.slowest_stop_seconds for outcome in outcomes), default=0.0),
    )


def describe(outcome):
    """Lines for people."""
    names = ("records", "lost", "doubled", "disordered", "wrong", "unread", "aborted")
    kinds = sorted(outcome.events.keys() | outcome.silences.keys())
    return [
        "  ".join(f"{name} {getattr(outcome, name):,}" for name in names),
        f"{'event':<18}{'times':>6}{'longest silence':>18}",
        *(f"{kind:<18}{outcome.events.get(kind, 0):>6}{outcome.silences.get(kind, 0.0):>16.1f} s" for kind in kinds),
        f"stops: {len(outcome.stop_codes)}, the slowest {outcome.slowest_stop_seconds:.1f} s",
        f"ended by themselves: {len(outcome.exit_codes)} {sorted(set(outcome.exit_codes)) or ''}".rstrip(),
        *outcome.named,
        *outcome.exits,
    ]
