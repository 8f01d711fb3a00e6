"""What people see of a replay: a bar on a terminal, a line now and then on a pipe, and the sum at the end."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from scoreline.cli.output import show_progress
from scoreline.records import Clock, NextOffsets

if TYPE_CHECKING:
    from scoreline.observability.events import BatchScored
    from scoreline.stream.replay import ReplayPlan

LINE_SECONDS = 10.0
"""How often a line says how far it is, where there is no bar."""

REASON_SECONDS = 5.0
"""How often it is said what is waited for."""


class ReplayReport:
    """Implements `scoreline.service.replay.ReplayObserver`; everything but the sum goes to stderr.

    Args:
        resume: the command that goes on with the plan.

    Attributes:
        plan: None until it is known.
        remarks: what someone should know of the ranges.
        done: offsets of all ranges that are behind it, those of earlier runs among them.
        counts: records of this run by what became of them.
        reasons: dead letters of this run by reason.
    """

    def __init__(self, resume: "Callable[[ReplayPlan], str]", *, clock: Clock = time.monotonic) -> None:
        self.plan: ReplayPlan | None = None
        self.remarks: list[str] = []
        self.done = 0
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.seconds = 0.0
        self._resume = resume
        self._clock = clock
        self._stack = ExitStack()
        self._advance: Callable[[int], None] = lambda _: None
        self._began_at = self._said_at = clock()
        self._reason_at = clock() - REASON_SECONDS

    def remark(self, text: str) -> None:
        """Something that someone should know."""
        self.remarks.append(text)
        typer.echo(f"note: {text}", err=True)

    def ranges_found(self, plan: "ReplayPlan", remarks: tuple[str, ...]) -> None:
        """Say what is to be done, and how to go on with it."""
        self.plan, self.done = plan, plan.done
        for text in remarks:
            self.remark(text)
        order = plan.order
        already = f", {plan.done} of them done" if plan.done else ""
        typer.echo(
            f"{order.input_topic}: {plan.total} offsets in {len(plan.ranges)} partitions{already}; "
            f"{order.model} version {order.version} to {order.output_topic}",
            err=True,
        )
        typer.echo(f"after a stop, go on with: {self._resume(plan)}", err=True)
        self._advance = self._stack.enter_context(show_progress(f"to {order.output_topic}", plan.total))
        self._advance(plan.done)
        self._began_at = self._said_at = self._clock()

    def progressed(self, done: int) -> None:
        """Move the bar; on a pipe say a line now and then."""
        self._advance(done - self.done)
        self.done = done
        now = self._clock()
        self.seconds = now - self._began_at
        if self.plan is not None and now - self._said_at >= LINE_SECONDS and not sys.stderr.isatty():
            self._said_at = now
            share = done / self.plan.total if self.plan.total else 1.0
            typer.echo(f"{done} of {self.plan.total} offsets ({share:.0%}) after {self.seconds:.0f} s", err=True)

    def waited(self, reason: str) -> None:
        """Say so, unless something was said just now."""
        now = self._clock()
        if now - self._reason_at >= REASON_SECONDS:
            self._reason_at = now
            typer.echo(f"waiting: {reason}", err=True)

    def batch_scored(self, event: "BatchScored") -> None:
        """Count what became of the records."""
        for (_, outcome), count in event.outcomes.items():
            self.counts[outcome.value] += count
        for reason, count in event.reasons.items():
            self.reasons[reason.value] += count

    def commit_answered(self, next_offsets: NextOffsets, error: str | None) -> None:  # noqa: ARG002 - the port's names
        """A refused commit is covered by the next."""
        if error is not None:
            self.waited(f"the broker refuses a commit: {error}")

    def client_error(self, name: str, detail: str) -> None:  # noqa: ARG002 - the port's names
        """The client goes on trying."""
        self.waited(detail)

    def transaction_ended(self, outcome: str) -> None:
        """An aborted one is made again."""
        if outcome != "committed":
            self.waited(f"a transaction was {outcome}, and is made again")

    def sum_up(self, state: str, replay_id: str) -> Mapping[str, object]:
        """All of it as one object; positions are those of finished records.

        Args:
            state: `finished`, `already finished`, `stopped`.
        """
        summary: dict[str, object] = {"id": replay_id, "state": state}
        plan = self.plan
        if plan is not None:
            order = plan.order
            summary |= {
                "input_topic": order.input_topic,
                "output_topic": order.output_topic,
                "dead_letter_topic": f"{order.output_topic}.dead-letters",
                "model": order.model,
                "version": order.version,
                "from_ms": order.from_ms,
                "to_ms": order.to_ms,
                "partitions": [
                    {"partition": p.partition, "begin": r.begin, "end": r.end} for p, r in sorted(plan.ranges.items())
                ],
                "offsets": plan.total,
                "offsets_done": self.done,
                "resume": self._resume(plan),
            }
        return summary | {
            "predictions": self.counts["predicted"],
            "dead_letters": dict(self.reasons),
            "skipped": self.counts["skipped"],
            "forwarded": self.counts["forwarded"],
            "seconds": round(self.seconds, 3),
            "remarks": self.remarks,
        }

    def tell(self, state: str, replay_id: str) -> str:
        """The sum as a sentence."""
        if self.plan is None:
            return f"replay {replay_id} {state}: nothing was begun"
        if state == "already finished":
            return (
                f"replay {replay_id} was finished before: all {self.plan.total} offsets are done, nothing is left to do"
            )
        dead = ", ".join(f"{count} {reason}" for reason, count in self.reasons.most_common())
        told = (
            f"replay {replay_id} {state}: {self.done} of {self.plan.total} offsets done; in this run "
            f"{self.counts['predicted']} predictions on {self.plan.order.output_topic}, "
            f"{self.counts['dead_letter']} dead letters{f' ({dead})' if dead else ''}, {self.seconds:.1f} s"
        )
        return told if state == "finished" else f"{told}; go on with: {self._resume(self.plan)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
