"""What a caller asks a job for, before a byte of its rows is read."""

import uuid
from dataclasses import dataclass
from uuid import UUID

from aiohttp import web
from multidict import istr

from scoreline.errors import MalformedRequest
from scoreline.http.batch.body import BodyKind, check_kind
from scoreline.http.query import read_flag, read_query
from scoreline.jobs.identity import Digest, derive_job_id, start_digest

_QUERY = frozenset({"version", "ignore_unknown"})
_IDEMPOTENCY_KEY = istr("Idempotency-Key")
_AUTHORIZATION = istr("Authorization")


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What is asked for.

    Attributes:
        job_id: under an idempotency key always the same for the same caller and key.
        submission: of this upload; the job id itself where there is no such key.
        selector: of the version, as it was asked for.
    """

    job_id: str
    submission: str
    kind: BodyKind
    selector: str | None
    ignore_unknown: bool

    @property
    def may_exist(self) -> bool:
        """Whether others may submit, or have submitted, under the same id."""
        return self.job_id != self.submission

    def start_digest(self) -> Digest:
        """The digest of the request; the bytes of the body go in next."""
        return start_digest(media_type=self.kind, selector=self.selector, ignore_unknown=self.ignore_unknown)


def read_job_request(request: web.BaseRequest, *, asks_token: bool) -> JobRequest:
    """Read query and headers.

    Args:
        asks_token: whether callers are told apart by their tokens.

    Raises:
        MalformedRequest: a parameter or the idempotency key is not what it has to be.
        UnsupportedMediaType: the body is of a type or in an encoding that is not taken.
    """
    query = read_query(request, _QUERY)
    kind = check_kind(request)
    submission = str(uuid.uuid4())
    keys = request.headers.getall(_IDEMPOTENCY_KEY, ())
    if len(keys) > 1:
        raise MalformedRequest("Idempotency-Key is given twice")
    token = request.headers.get(_AUTHORIZATION, "").partition(" ")[2].strip() if asks_token else None
    job_id = derive_job_id(keys[0], token) if keys else submission
    return JobRequest(job_id, submission, kind, query.get("version"), read_flag(query, "ignore_unknown"))


def find_events_partition(job_id: str, partitions: int) -> int:
    """The partition of the events topic that all events of a job go to."""
    return UUID(job_id).int % partitions
