"""What is particular about S3: time-outs, errors, and a create-only write that knows its own file again."""

import uuid
from typing import Any

import fsspec

from scoreline.config.urls import find_scheme, has_credentials, mask_url
from scoreline.errors import ConfigError, ModelNotFound, Refused, Unavailable

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
ATTEMPTS = 2
"""An endpoint that does not answer is given up after about 20 s; s3fs alone would try for more than six minutes."""

SLOWEST_BYTES_PER_SECOND = 256 * 1024
"""Of a write that is still waited for: aiohttp waits for `100 Continue`, and for a body to go out, without an end."""

_TOKEN = "scoreline-token"  # noqa: S105 - the name of a piece of metadata
_CONFLICTS = ("ConditionalRequestConflict", "OperationAborted")
_MOST_CONFLICTS = 10
_WORTH_RETRYING = (408, 409, 412, 429)


def is_s3(url: str) -> bool:
    """Whether fsspec would ask S3."""
    return find_scheme(url) in ("s3", "s3a")


def open_files(url: str) -> tuple[Any, str]:
    """The driver and the path in it.

    What the environment and the user's files say (`AWS_*`, `FSSPEC_S3*`, `~/.aws`) goes before what is chosen here.

    Raises:
        ConfigError: there is no bucket in the URL, or there are credentials, which S3 does not take from there.
        ImportError: the extra is not installed.
    """
    if has_credentials(url):
        raise ConfigError(
            f"the model store {mask_url(url)} cannot be used: S3 takes no credentials from a URL; give them by "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the machine's role"
        )
    try:
        import s3fs  # noqa: F401 - that it is there
        from botocore.session import get_session
    except ImportError as error:
        raise ImportError("S3 needs an extra: pip install 'scoreline[s3]'") from error
    told: dict[str, Any] = fsspec.config.conf.get("s3", {})
    chosen: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
    if get_session().get_config_variable("max_attempts") is None:
        chosen["retries"] = {"total_max_attempts": ATTEMPTS}
    options = {
        "use_listings_cache": False,
        "skip_instance_cache": True,  # its tries are set below, which is nobody else's business
        "max_concurrency": told.get("max_concurrency", 1),  # more would ask for the size first
        "config_kwargs": {**chosen, **told.get("config_kwargs", {})},
    }
    files, root = fsspec.core.url_to_fs(url, **options)
    if not root or root.startswith("/"):
        raise ConfigError(f"the model store {url!r} names no bucket; expected s3://BUCKET or s3://BUCKET/FOLDER")
    files.retries = 1  # the tries of botocore are enough; these would multiply them
    return files, root


def find_endpoint(files: Any) -> str:
    """The URL that is asked for buckets, as the environment and the user's files have it; nothing is asked yet."""
    return str(files.s3.meta.endpoint_url)


def create(files: Any, path: str, data: bytes) -> bool:
    """Write a file where there is none, by `If-None-Match: *`; see `ObjectStore.create`.

    When the answer to a write is lost, botocore writes once more and is told that the file is there. Whose it is, a
    token in its metadata tells.
    """
    token = uuid.uuid4().hex
    config = files.config_kwargs
    patience = ATTEMPTS * (config["connect_timeout"] + config["read_timeout"]) + len(data) / SLOWEST_BYTES_PER_SECOND
    for _ in range(_MOST_CONFLICTS):
        try:
            files.pipe_file(path, data, mode="create", Metadata={_TOKEN: token}, timeout=patience)
        except FileExistsError:
            return _read_token(files, path) == token
        except TimeoutError as error:
            raise Unavailable(f"S3 has not taken {path} within {patience:.0f} s") from error
        except OSError as error:
            if _code(error) == "PreconditionFailed":
                return _read_token(files, path) == token
            if _code(error) not in _CONFLICTS:
                raise
            # Another writer of the same file was at it at the same moment: S3 asks for another try.
        else:
            return True
    raise Unavailable(f"S3 told of a conflict {_MOST_CONFLICTS} times while {path} was written; try again")


def lacks_bucket(error: Exception) -> bool:
    """Whether it is the bucket that is missing, not what was looked for in it."""
    return _code(error) == "NoSuchBucket"


def name_error(error: Exception) -> type[ModelNotFound | Refused | Unavailable] | None:
    """What an error of S3 comes to; None where it is none of S3's own."""
    from botocore import exceptions as b

    if lacks_bucket(error):
        return Refused
    if isinstance(error, FileNotFoundError):
        return ModelNotFound
    status = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status:
        return Refused if status < 500 and status not in _WORTH_RETRYING else Unavailable
    passing = (b.HTTPClientError, b.ConnectionError, b.CredentialRetrievalError, b.MetadataRetrievalError)
    if isinstance(error, passing):
        return Unavailable
    # What is left of botocore's, and its ValueError for an endpoint that is no URL, is a matter of configuration.
    return Refused if isinstance(error, b.BotoCoreError | ValueError) else None


def describe(error: Exception) -> str:
    """An error in words, and what to do where S3 has none."""
    code, text = _code(error), str(error)
    if code == "NoSuchBucket":
        return "there is no such bucket; create it, or name another: SCORELINE_MODEL_STORE=s3://BUCKET/FOLDER"
    if type(error).__name__ == "NoCredentialsError":
        return "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role"
    return f"{code}: {text}" if code and code not in text else text


def _response(error: Exception) -> dict[str, Any]:
    """The answer that an error of s3fs, or the error of botocore behind it, was made from."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return response
    return {}


def _code(error: Exception) -> str:
    return str(_response(error).get("Error", {}).get("Code", ""))


def _read_token(files: Any, path: str) -> str | None:
    bucket, key, _ = files.split_path(path)
    answer = files.call_s3("head_object", Bucket=bucket, Key=key)
    token = answer["Metadata"].get(_TOKEN)
    return None if token is None else str(token)
