"""Jobs by their id: what this process has read of them, and more of it where that is not enough."""

import asyncio
from concurrent.futures import Future

from scoreline.errors import ResultsGone
from scoreline.http.errors import DeadlineExceeded, JobNotFound
from scoreline.http.futures import wait_for
from scoreline.jobs.identity import is_job_id
from scoreline.jobs.job import JobSnapshot
from scoreline.jobs.ports import EventFeed
from scoreline.jobs.view import JobView


class JobLookup:
    """Finds jobs; says that there is none only after it has read all that was acknowledged before it was asked."""

    def __init__(self, feed: EventFeed, view: JobView, *, timeout_seconds: float) -> None:
        self._feed = feed
        self._view = view
        self._timeout_seconds = timeout_seconds

    def check_ready(self) -> None:
        """Whether what this process knows of jobs is worth an answer.

        Raises:
            Unavailable: not yet.
        """
        self._feed.check_ready()

    async def catch_up(self) -> None:
        """Read everything that is acknowledged by now.

        Raises:
            Unavailable: Kafka is away.
            DeadlineExceeded: it takes too long.
        """
        await self.wait_for(self._feed.catch_up())

    async def wait_for(self, future: "Future[None]") -> None:
        """Wait, but not for longer than a request may take.

        Raises:
            DeadlineExceeded: it takes too long.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await wait_for(future)
        except TimeoutError as error:
            raise DeadlineExceeded(f"Kafka has not answered within {self._timeout_seconds:g} s") from error

    async def find(self, job_id: str) -> JobSnapshot | None:
        """A job, however old; None where there is none.

        Raises:
            Unavailable, DeadlineExceeded: nobody knows.
        """
        self.check_ready()
        found = self._view.find(job_id)
        return await self.find_newly(job_id) if found is None else found

    async def find_newly(self, job_id: str) -> JobSnapshot | None:
        """A job, with everything that has happened to it by now; None where there is none.

        Raises:
            Unavailable, DeadlineExceeded: nobody knows.
        """
        await self.catch_up()
        return self._view.find(job_id)

    async def find_kept(self, given: str) -> JobSnapshot:
        """A job whose results are kept, or will be.

        Args:
            given: its id as a caller wrote it.

        Raises:
            JobNotFound: no job has this id, or it is none.
            ResultsGone: retention has taken them, or may at any moment.
            Unavailable, DeadlineExceeded: nobody knows.
        """
        if not is_job_id(given):
            raise JobNotFound("expected the id of a job, as POST /batch has answered it")
        found = await self.find(given)
        if found is None:
            raise JobNotFound("no job has this id, or it was so long ago that nothing is known of it any more")
        if self._view.is_past_retention(found):
            raise ResultsGone("the job was submitted so long ago that its results are not kept any more")
        return found
