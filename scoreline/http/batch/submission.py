"""`POST /batch`: rows → chunks → Kafka while they arrive; then the submission, so a broken upload leaves no job."""

from contextlib import aclosing

from scoreline.errors import Unavailable
from scoreline.http.batch.bodies import find_job_path, make_job
from scoreline.http.batch.body import BodyKind, read_pieces
from scoreline.http.batch.chunks import ChunkUpload
from scoreline.http.batch.jobs import answer_job
from scoreline.http.batch.lookup import JobLookup
from scoreline.http.batch.request import JobRequest, find_events_partition, read_job_request
from scoreline.http.batch.routing import choose_version
from scoreline.http.batch.upload_places import UploadPlaces
from scoreline.http.errors import IdempotencyKeyReused, SubmissionUncertain
from scoreline.http.exchange import Answer, Call
from scoreline.http.futures import wait_for
from scoreline.http.limits import BodyReader, Limits
from scoreline.http.pool import BoundedPool
from scoreline.http.predict.version_finder import VersionFinder, find_key
from scoreline.jobs.chunk import Chunk, JobOrder
from scoreline.jobs.cutting import ChunkCutter, rows_per_chunk
from scoreline.jobs.events import Submitted
from scoreline.jobs.identity import Digest
from scoreline.jobs.job import JobSnapshot, begin_job
from scoreline.jobs.ports import JobPublisher
from scoreline.models.model import ModelVersion
from scoreline.observability.traces.context import make_headers
from scoreline.records import Clock, Headers

MOST_UPLOADS = 8
"""So many bodies of lines arrive at once: each holds a chunk, a line, and what is not acknowledged of it."""

MOST_JSON_UPLOADS = 32
"""They are small, end in time, and share a bound on their bytes; slow callers with lines leave them their places."""


class JobSubmitter:
    """Takes uploads. Use it from one event loop.

    Args:
        cutting: threads that look at whole JSON bodies.
        max_rows, max_line_bytes: of a job; the limits are for JSON bodies.
        asks_token: whether callers are told apart by their tokens.
        silence_seconds: how long nothing may come of lines before they are given up; see `read_pieces`.
    """

    def __init__(
        self,
        lookup: JobLookup,
        publisher: JobPublisher,
        finder: VersionFinder,
        limits: Limits,
        *,
        bodies: BodyReader,
        cutting: BoundedPool,
        max_rows: int,
        max_line_bytes: int,
        silence_seconds: float,
        asks_token: bool,
        wall_clock: Clock,
    ) -> None:
        self._lookup = lookup
        self._publisher = publisher
        self._finder = finder
        self._limits = limits
        self._bodies = bodies
        self._cutting = cutting
        self._max_rows = max_rows
        self._max_line_bytes = max_line_bytes
        self._asks_token = asks_token
        self._wall_clock = wall_clock
        self._silence_seconds = silence_seconds
        self._places = {BodyKind.JSON: UploadPlaces(MOST_JSON_UPLOADS), BodyKind.NDJSON: UploadPlaces(MOST_UPLOADS)}

    async def submit(self, call: Call) -> Answer:
        """Take a job on, or find the one that was submitted under the same idempotency key.

        Raises:
            ServiceError, Refusal: whatever the caller or the service did wrong; see `scoreline.http.errors`.
        """
        asked = read_job_request(call.request, asks_token=self._asks_token)
        self._lookup.check_ready()
        with self._places[asked.kind].take():
            if asked.may_exist:
                before = await self._lookup.find_newly(asked.job_id)
                if before is not None:
                    return _answer_winner(before, await self._read_digest(call, asked, before))
            return await self._take_on(call, asked)

    async def _take_on(self, call: Call, asked: JobRequest) -> Answer:
        version, also_known = await choose_version(self._finder, asked.selector, find_key(call, asked.job_id))
        order = JobOrder(
            asked.job_id,
            asked.submission,
            version.name,
            version.version,
            asked.ignore_unknown,
            also_known,
            find_events_partition(asked.job_id, self._publisher.events_partitions),
        )
        headers = make_headers(call.find_context())
        submitted = await self._upload(call, asked, order, version, headers)
        try:
            await wait_for(self._publisher.publish_event(submitted, order.events_partition, headers))
        except Unavailable as error:
            raise SubmissionUncertain(
                f"Kafka has not acknowledged the submission in time, and job {order.job_id} may exist all the same: ask"
                " for it, or send the body again; under the same Idempotency-Key that makes no second job"
            ) from error
        if not asked.may_exist:
            return _answer_accepted(begin_job(submitted, order.events_partition))
        # Whoever has the key's first submission in the topic, has the job: also when another sidecar took it.
        winner = await self._lookup.find_newly(asked.job_id)
        if winner is None:
            raise Unavailable(f"job {asked.job_id} was submitted, but is not among those that were read")
        return _answer_winner(winner, submitted.digest)

    async def _upload(
        self, call: Call, asked: JobRequest, order: JobOrder, version: ModelVersion, headers: Headers
    ) -> Submitted:
        """Publish all rows, and wait until they are acknowledged; the event that makes a job of them."""
        digest = asked.start_digest()
        cutter = self._make_cutter(order, digest, chunk_rows=rows_per_chunk(len(version.model.classes or ())))
        upload = ChunkUpload(self._publisher, headers)
        if asked.kind is BodyKind.JSON:
            body = await self._bodies.read(call.request)
            for chunk in await self._cutting.run(lambda: self._cut_json(cutter, body)):
                await upload.publish(chunk)
        else:
            async with aclosing(read_pieces(call.request, silence_seconds=self._silence_seconds)) as pieces:
                async for piece in pieces:
                    for chunk in cutter.feed(piece):
                        await upload.publish(chunk)
            for chunk in cutter.finish():
                await upload.publish(chunk)
        await upload.finish()
        return Submitted(
            job_id=order.job_id,
            submission=order.submission,
            at_ms=int(self._wall_clock() * 1000),
            chunks=upload.chunks,
            rows=upload.rows,
            model=order.model,
            version=order.version,
            digest=digest.digest(),
        )

    def _make_cutter(self, order: JobOrder, digest: Digest, *, chunk_rows: int) -> ChunkCutter:
        return ChunkCutter(
            order,
            max_rows=self._max_rows,
            max_line_bytes=self._max_line_bytes,
            digest=digest,
            chunk_rows=chunk_rows,
        )

    def _cut_json(self, cutter: ChunkCutter, body: bytes) -> list[Chunk]:
        return [*cutter.feed_json(body, max_instances=self._limits.max_instances), *cutter.finish()]

    async def _read_digest(self, call: Call, asked: JobRequest, before: JobSnapshot) -> bytes:
        """Read a body only to know whether a job was made of it, and no more of it than any job may have."""
        digest = asked.start_digest()
        if asked.kind is BodyKind.JSON:
            digest.update(await self._bodies.read(call.request))
        else:
            order = JobOrder(before.job_id, asked.submission, before.model, before.version, asked.ignore_unknown, (), 0)
            cutter = self._make_cutter(order, digest, chunk_rows=rows_per_chunk(0))
            async with aclosing(read_pieces(call.request, silence_seconds=self._silence_seconds)) as pieces:
                async for piece in pieces:
                    cutter.feed(piece)
        return digest.digest()


def _answer_winner(winner: JobSnapshot, digest: bytes) -> Answer:
    if winner.digest != digest:
        raise IdempotencyKeyReused(
            f"something else was submitted under this Idempotency-Key as job {winner.job_id}: a key stands for one"
            " body, of one type, for one version"
        )
    return _answer_accepted(winner)


def _answer_accepted(job: JobSnapshot) -> Answer:
    answer = answer_job(make_job(job), job, 202)
    return answer._replace(headers=(("Location", find_job_path(job.job_id)),), instances=job.rows)
