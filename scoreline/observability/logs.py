"""How log lines look: one JSON object a line for machines, or plain lines for people.

Every module logs through `logging.getLogger("scoreline.…")`, with `extra={"event": …}` and fields by the glossary's
names: `logger.info("model is live", extra={"event": "version_live", "version": 3})`.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, TextIO

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

logger = logging.getLogger("scoreline.logs")

OWN = "scoreline"
STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "event", "taskName"}


class LogFormat(StrEnum):
    """For whom the lines are."""

    JSON = "json"
    CONSOLE = "console"


def configure_logging(level: str, log_format: str, stream: TextIO | None = None) -> Callable[[], None]:
    """Send every logger's lines, warnings and uncaught exceptions to one stream, and nowhere else.

    Other libraries never log below WARNING: an HTTP client has an INFO line a request, and DEBUG may show credentials.

    Args:
        level: of scoreline's own loggers, as `INFO`.
        log_format: `json` or `console`.
        stream: standard error when None.

    Returns:
        What puts everything back as it was.
    """
    handler = _OneStream(stream or sys.stderr)
    handler.setFormatter(JsonLines() if LogFormat(log_format) is LogFormat.JSON else ConsoleLines())
    root, own = logging.getLogger(), logging.getLogger(OWN)
    before = (root.handlers[:], root.level, own.level)
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    number = logging.getLevelNamesMapping()[level.upper()]
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    own.setLevel(number)
    logging.captureWarnings(capture=True)
    sys.excepthook, threading.excepthook, sys.unraisablehook = _log_uncaught, _log_thread_crash, _log_unraisable

    def restore() -> None:
        root.handlers[:], root_level, own_level = before
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
        root.setLevel(root_level)
        own.setLevel(own_level)
        logging.captureWarnings(capture=False)

    return restore


class _OneStream(logging.StreamHandler[TextIO]):
    """Writes lines; one whose arguments do not fit its format is written as it is, not as a report to stderr."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except (TypeError, ValueError, KeyError):
            plain = logging.makeLogRecord({**vars(record), "msg": f"{record.msg!r} {record.args!r}", "args": None})
            return super().format(plain)


class JsonLines(JsonFormatter):
    """`timestamp, level, logger, event, message`, then the fields; always one JSON object."""

    def __init__(self) -> None:
        super().__init__(json_serializer=_dump)

    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Fill in what contract and caller say, in that order."""
        log_data["timestamp"] = format_timestamp(record.created)
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["event"] = _name_event(record)
        log_data["message"] = record.message
        log_data.update(find_fields(record))
        exception = message_dict.pop("exc_info", None)
        if exception:
            log_data["exception"] = exception
        log_data.update(message_dict)


class ConsoleLines(logging.Formatter):
    """`12:00:00.000 INFO    stream  message  field=value …`; further lines are indented, so none poses as one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and below it the traceback where there is one."""
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        name = record.name.removeprefix(f"{OWN}.")
        fields = "".join(f"  {key}={_show(value)}" for key, value in find_fields(record).items())
        line = f"{at}.{int(record.msecs):03d} {record.levelname:<8}{name:<14} {_one_line(record.getMessage())}{fields}"
        if record.exc_info:
            traceback = self.formatException(record.exc_info)
            line += "".join(f"\n    {_one_line(part)}" for part in traceback.splitlines())
        return line


def format_timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds: `2025-07-01T12:00:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller gave as `extra`, without the event."""
    return {key: value for key, value in vars(record).items() if key not in STANDARD_FIELDS}


def _name_event(record: logging.LogRecord) -> str:
    if record.name == "py.warnings":
        return "warning"
    return str(getattr(record, "event", "log"))


def _dump(log_data: LogData, **options: Any) -> str:
    """JSON without NaN and Infinity, which it does not have; ASCII, so that no line separator gets through."""
    options.update(cls=None, default=str, ensure_ascii=True, allow_nan=False)
    try:
        return json.dumps(log_data, **options)
    except (TypeError, ValueError):
        return json.dumps(_make_plain(log_data), **options)


def _make_plain(value: Any, depth: int = 0) -> Any:
    """What JSON can say: other keys and numbers as text, nothing deeper than eight levels."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if depth < 8 and isinstance(value, Mapping):
        return {str(key): _make_plain(item, depth + 1) for key, item in value.items()}
    if depth < 8 and isinstance(value, list | tuple | set | frozenset):
        return [_make_plain(item, depth + 1) for item in value]
    if isinstance(value, float) and abs(value) < float("inf"):
        return value
    return str(value)


def _show(value: Any) -> str:
    text = _one_line(str(value))
    return json.dumps(text) if " " in text or not text else text


def _one_line(text: str) -> str:
    """Control characters and line separators as escapes, so that a value can neither end a line nor paint one."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logger.critical("uncaught: %s", kind.__name__, exc_info=(kind, error, traceback), extra={"event": "crashed"})


def _log_thread_crash(happened: threading.ExceptHookArgs) -> None:
    if happened.exc_value is None or issubclass(happened.exc_type, SystemExit):
        return
    name = happened.thread.name if happened.thread else None
    logger.critical(
        "uncaught in a thread: %s",
        happened.exc_type.__name__,
        exc_info=(happened.exc_type, happened.exc_value, happened.exc_traceback),
        extra={"event": "crashed", "thread_name": name},
    )


def _log_unraisable(happened: "sys.UnraisableHookArgs") -> None:
    error = happened.exc_value
    where = repr(happened.object)
    fields = {"event": "unraisable", "where": where}
    logger.error("ignored while cleaning up: %s", happened.exc_type.__name__, exc_info=error, extra=fields)
