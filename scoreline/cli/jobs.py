"""`scoreline jobs`: rows to be scored in the background, from the shell."""

import sys
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.output import show_progress
from scoreline.cli.sidecar_options import AsJson, CaFile, TokenText, Url
from scoreline.errors import DependencyError

if TYPE_CHECKING:
    from scoreline.client import Client, Job

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id, as submit printed it.")]
Wait = Annotated[bool, typer.Option("--wait", help="Come back when it has ended; exit 3 unless it succeeded.")]
TimeoutSeconds = Annotated[
    float | None, typer.Option("--timeout", min=0, metavar="SECONDS", help="Wait no longer; the job goes on.")
]

jobs_app = typer.Typer(
    name="jobs",
    help="Have many rows scored in the background.\n\nExample: scoreline jobs submit rows.jsonl --wait",
    no_args_is_help=True,
)


@jobs_app.callback()
def describe_group() -> None:
    """Have many rows scored in the background."""


@jobs_app.command("submit")
def submit(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV, JSONL, Parquet or Avro by its suffix; - reads JSONL.")
    ],
    url: Url = None,
    version: Annotated[str | None, typer.Option("--version", help="A number, an alias, or latest.")] = None,
    token: TokenText = None,
    ca: CaFile = None,
    key: Annotated[str | None, typer.Option(help="Chooses the version where it is a route.")] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The same rows under the same key are one job [default: a new one]."),
    ] = None,
    timeout: TimeoutSeconds = None,
    *,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Skip columns that the model has no feature for.")
    ] = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Send rows, however many; prints the job. Rows that cannot be scored are told with the results.

    JSON lines are sent as they are. In other files a value is JSON where it can be read as such, else text, and the
    columns that SCORELINE_ID_FIELD and SCORELINE_EVENT_TIME_FIELD name are left out where the model has no such
    feature.

    Example: scoreline jobs submit rows.jsonl --wait
    """
    from scoreline.cli.job_views import print_job
    from scoreline.cli.row_arguments import find_spare, open_upload
    from scoreline.cli.sidecar import open_client
    from scoreline.config.settings import load_settings

    settings = load_settings()
    # Whatever the model does not know is skipped anyway: then nobody need ask what that is.
    spare = frozenset[str]() if ignore_unknown else find_spare(settings)
    with open_client(settings, url, token, ca) as client:
        with open_upload(file, lambda: spare.difference(client.features(version=version) if spare else ())) as rows:
            job = client.submit(
                rows, version=version, key=key, ignore_unknown=ignore_unknown, idempotency_key=idempotency_key
            )
        if wait:
            # Whoever loses patience needs the id.
            print(f"submitted as {job.job_id}", file=sys.stderr)
            job = _wait(client, job, timeout)
        print_job(job, as_json=as_json)
    if wait:
        _check_success(job)


@jobs_app.command("status")
def show_status(
    job_id: JobId,
    url: Url = None,
    token: TokenText = None,
    ca: CaFile = None,
    timeout: TimeoutSeconds = None,
    *,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """How a job stands; --json also has the predictions of one with up to 1,000 rows.

    Example: scoreline jobs status 0b8f6f1c-3a54-4f5e-9a55-0d9c7f1f2a10 --wait
    """
    from scoreline.cli.job_views import print_job
    from scoreline.cli.sidecar import open_client
    from scoreline.config.settings import load_settings

    with open_client(load_settings(), url, token, ca) as client:
        job = client.job(job_id)
        if wait:
            job = _wait(client, job, timeout)
        print_job(job, as_json=as_json)
    if wait:
        _check_success(job)


@jobs_app.command("results")
def show_results(
    job_id: JobId,
    url: Url = None,
    token: TokenText = None,
    ca: CaFile = None,
    offset: Annotated[int, typer.Option(min=0, help="First row that is shown, from 0.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Show no more rows [default: all].")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a row.")] = False,
) -> None:
    """What became of the rows of a job that has succeeded, in their order.

    Example: scoreline jobs results 0b8f6f1c-3a54-4f5e-9a55-0d9c7f1f2a10 --json > predictions.jsonl
    """
    from scoreline.cli.job_views import print_results
    from scoreline.cli.sidecar import open_client
    from scoreline.config.settings import load_settings

    with (
        open_client(load_settings(), url, token, ca) as client,
        closing(client.results(job_id, offset=offset)) as rows,
    ):
        print_results(islice(rows, limit), as_json=as_json)


@jobs_app.command("cancel")
def cancel(
    job_id: JobId, url: Url = None, token: TokenText = None, ca: CaFile = None, *, as_json: AsJson = False
) -> None:
    """Cancel a job; one that has ended stays as it is.

    Example: scoreline jobs cancel 0b8f6f1c-3a54-4f5e-9a55-0d9c7f1f2a10
    """
    from scoreline.cli.job_views import print_job
    from scoreline.cli.sidecar import open_client
    from scoreline.config.settings import load_settings

    with open_client(load_settings(), url, token, ca) as client:
        print_job(client.cancel(job_id), as_json=as_json)


@jobs_app.command("list")
def list_jobs(
    url: Url = None,
    token: TokenText = None,
    ca: CaFile = None,
    limit: Annotated[int | None, typer.Option(min=1, help="No more than these [default: the sidecar's].")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Recent jobs, the newest first.

    Example: scoreline jobs list --limit 10
    """
    from scoreline.cli.job_views import print_jobs
    from scoreline.cli.sidecar import open_client
    from scoreline.config.settings import load_settings

    with open_client(load_settings(), url, token, ca) as client:
        print_jobs(client.jobs(limit=limit), as_json=as_json)


def _wait(client: "Client", job: "Job", timeout_seconds: float | None) -> "Job":
    """Wait for a job's end; on a terminal its rows are seen to go by."""
    with show_progress("rows", job.rows) as advance:
        return client.wait(job.job_id, progress=_follow(advance), timeout_seconds=timeout_seconds)


def _follow(advance: Callable[[int], None]) -> "Callable[[Job], None]":
    shown = 0

    def show(job: "Job") -> None:
        nonlocal shown
        advance(job.rows_done - shown)
        shown = job.rows_done

    return show


def _check_success(job: "Job") -> None:
    """Refuse a job that has ended otherwise.

    Raises:
        DependencyError: it failed or was cancelled.
    """
    if job.status != "succeeded":
        reason = f": {job.detail}" if job.detail else ""
        raise DependencyError(f"job {job.job_id} {'has failed' if job.status == 'failed' else 'was cancelled'}{reason}")
