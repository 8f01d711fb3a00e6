"""A producer with a transactional id: what everyone does with it who writes in transactions, whatever is written."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer

from scoreline.errors import DeliveryError, FatalClientError, RecordTooLarge, Refused, StopOverdue
from scoreline.kafka.client.bounded import call_in_thread, has_ended
from scoreline.kafka.client.errors import FENCINGS, describe_error, find_remedy
from scoreline.kafka.client.shadowed import close_producer, raise_shadowed
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.member.commits import NO_NOTES, annotate
from scoreline.kafka.publishing.producing import Producing, Undelivered
from scoreline.records import Clock, NextOffsets, TopicPartition
from scoreline.transport.ports import GroupMetadata

START_SLICE_SECONDS = 1.0
LONG_CALL_SECONDS = 10.0
OFFSETS_SECONDS = 12.0
"""After so long another producer is made, which finds the coordinators anew: well over one long call."""
RETRY_SECONDS = 0.05
"""Between two attempts, where the first was answered at once: a coordinator that is loading, say."""
ONE_NAME_EACH = "give each member a SCORELINE_MEMBER_ID of its own"


class TransactionalProducing(Producing):
    """Implements `scoreline.transport.ports.Transactions`.

    Args:
        connect: makes a producer with the transactional id, `undelivered.report` as its `on_delivery`, and `watch`.
        transactional_id: for people.
        keep_waiting: asked once a second while a new producer takes over, where that is needed.
        notes: kept beside the offsets that are sent, by partition.
        remedy: what to do where another producer takes the same id.

    Attributes:
        is_fenced: whether the producer has told that its id is another's, or that the broker has given it up.
    """

    def __init__(
        self,
        connect: Callable[[], Producer],
        *,
        transactional_id: str,
        keep_waiting: Callable[[], bool],
        undelivered: Undelivered,
        watch: ClientWatch,
        clock: Clock = time.monotonic,
        notes: Mapping[TopicPartition, str] = NO_NOTES,
        remedy: str = ONE_NAME_EACH,
    ) -> None:
        super().__init__(connect(), undelivered=undelivered, watch=watch)
        self._connect = connect
        self._transactional_id = transactional_id
        self._keep_waiting = keep_waiting
        self._clock = clock
        self._stuck = self._worn_out = self.is_fenced = False
        self._long_call: Future[None] | None = None
        self._offsets_since: float | None = None
        self._notes = notes
        self._remedy = remedy

    def start(self, keep_waiting: Callable[[], bool]) -> None:
        """Take the transactional id over: whoever had it is fenced, and its open transaction is ended first.

        Args:
            keep_waiting: asked once a second.

        Raises:
            Refused: this user may not use the transactional id, or not in this cluster.
            StopOverdue: `keep_waiting` said no.
            FatalClientError: the client cannot go on.
        """
        while True:
            try:
                raise_shadowed(partial(self._producer.init_transactions, START_SLICE_SECONDS))
            except KafkaException as raised:
                error: KafkaError = raised.args[0]
                if not error.retriable():
                    raise self._explain_start(error) from raised
            else:
                return
            if not keep_waiting():
                raise StopOverdue(f"the transactional id {self._transactional_id} was not taken over before the stop")

    def begin(self) -> None:
        """Open a transaction.

        A new producer opens it where the old one is worn out: after a record was too large librdkafka 2.16 goes on with
        the sequence numbers of the request that was refused, and the next transaction would fail for that; and where
        coordinators have moved, sending offsets may never end. What the old one has left open is ended by the new one.

        Raises:
            StopOverdue: `keep_waiting` said no.
            FatalClientError: the producer cannot go on.
        """
        if self._worn_out:
            self.renew()
        self._long_call = self._offsets_since = None
        self._undelivered.forget()
        self._ask(self._producer.begin_transaction)

    def renew(self) -> None:
        """Have another producer take the id over; what this one has left open is committed or aborted when it returns.

        Raises:
            Refused, StopOverdue, FatalClientError: as `start`.
        """
        self.wear_out()
        close_producer(self._producer, self._watch)
        self._producer = self._connect()
        self._watch.fatal = None  # of the old one
        self.start(self._keep_waiting)
        self._stuck = self._worn_out = self.is_fenced = False

    def wear_out(self) -> None:
        """Have the next transaction opened by a new producer, which first ends what this one has left open."""
        self._stuck = self._worn_out = True

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything published is acknowledged, refused, or given up with its transaction.

        Raises:
            RecordTooLarge: something was refused for its size.
            DeliveryError: something was refused.
            FatalClientError: the producer cannot go on.
        """
        if self._stuck:
            return True
        try:
            return super().flush(timeout_seconds)
        except RecordTooLarge:
            self._worn_out = True
            raise

    def send_offsets(self, next_offsets: NextOffsets, metadata: GroupMetadata, timeout_seconds: float) -> bool:
        """Make the offsets part of the transaction; False without an answer in time.

        Raises:
            DeliveryError: the group has moved on, or the transaction has failed.
            FatalClientError: the producer cannot go on.
        """
        if self._offsets_since is None:
            self._offsets_since = self._clock()
        if self._long_call is None:
            # In contrast to a commit, this call begins anew each time, and to find the coordinators of a broker that is
            # back takes longer than any wait of ours should. Nor does it always end: where the broker goes in between,
            # librdkafka 2.16 may forget to answer, whatever the time-out (seen); hence the thread.
            offsets = annotate(next_offsets, self._notes)
            call = partial(self._producer.send_offsets_to_transaction, offsets, metadata, LONG_CALL_SECONDS)
            self._long_call = call_in_thread(call)
        if not has_ended(self._long_call, timeout_seconds):
            if self._clock() - self._offsets_since > OFFSETS_SECONDS:
                self.wear_out()
                raise DeliveryError(f"the coordinators have not taken the offsets within {OFFSETS_SECONDS:g} s")
            return False
        ended, self._long_call = self._long_call, None
        taken = self._ask(ended.result)
        if taken:
            self._offsets_since = None
        return taken

    def commit(self, timeout_seconds: float) -> bool:
        """Make everything visible; False without an answer in time.

        Raises:
            DeliveryError: it failed, and has to be aborted.
            FatalClientError: the producer cannot go on.
        """
        return self._ask(lambda: self._producer.commit_transaction(timeout_seconds))

    def abort(self, timeout_seconds: float) -> bool:
        """Make all of it invisible; False without an answer in time. What was refused is told by the next `flush`.

        Raises:
            FatalClientError: the producer cannot go on.
        """
        if self._stuck:
            return True  # with the first act of the next producer
        try:
            return self._ask(lambda: self._producer.abort_transaction(timeout_seconds))
        except DeliveryError as error:
            raise FatalClientError(f"the transaction cannot be aborted: {error}") from error

    def _ask(self, call: Callable[[], object]) -> bool:
        try:
            raise_shadowed(call)
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if error.fatal() or self._watch.fatal is not None:
                raise FatalClientError(self.explain_fatal(error)) from raised
            if error.retriable():
                self.serve(RETRY_SECONDS)
                return False
            if error.txn_requires_abort():
                raise DeliveryError(f"the transaction has to be aborted: {describe_error(error)}") from raised
            raise FatalClientError(self.explain_fatal(error)) from raised
        return True

    def explain_fatal(self, error: KafkaError | None) -> str:
        """As `Producing.explain_fatal`; where someone has taken the transactional id, also what to do about it."""
        told = super().explain_fatal(error)
        if (error is not None and error.code() in FENCINGS) or "fenced" in told.lower():
            self.is_fenced = True
            told += (
                f"; another live member has taken the transactional id {self._transactional_id} ({self._remedy}), or "
                "this one was frozen for longer than transaction.timeout.ms"
            )
        return told

    def _explain_start(self, error: KafkaError) -> Refused | FatalClientError:
        if find_remedy(error) is not None:
            return Refused(f"Kafka refuses transactions under the id {self._transactional_id}: {describe_error(error)}")
        return FatalClientError(self.explain_fatal(error))
