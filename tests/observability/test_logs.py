"""What a log line looks like, whoever writes it."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoreline.observability.logs import configure_logging
from scoreline.records import TopicPartition

logger = logging.getLogger("scoreline.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    written = io.StringIO()
    restore = configure_logging("INFO", "json", written)
    yield written
    restore()


@pytest.fixture
def console() -> Iterator[io.StringIO]:
    written = io.StringIO()
    restore = configure_logging("INFO", "console", written)
    yield written
    restore()


def read_lines(stream: io.StringIO) -> list[dict[str, object]]:
    text = stream.getvalue()
    assert text == "" or text.endswith("\n")
    return [json.loads(line, parse_constant=_refuse_constant) for line in text.splitlines()]


def raise_error(text: str) -> None:
    raise ValueError(text)


def log_failure(text: str) -> None:
    """Log an exception whose message is `text`."""
    try:
        raise_error(text)
    except ValueError:
        logger.exception("failed", extra={"event": "x"})


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_a_line_is_one_object_with_the_contracts_fields_first(stream):
    logger.info("model is %s", "live", extra={"event": "version_live", "version": 3, "model": "flights"})
    (line,) = read_lines(stream)
    assert list(line) == ["timestamp", "level", "logger", "event", "message", "version", "model"]
    assert (line["level"], line["logger"], line["event"], line["message"]) == (
        "INFO",
        "scoreline.test",
        "version_live",
        "model is live",
    )


def test_a_timestamp_is_rfc_3339_in_utc_with_milliseconds(stream):
    record = logger.makeRecord("scoreline.test", logging.INFO, "f", 1, "x", (), None)
    record.created = 1_751_371_200.0456
    logger.handle(record)
    assert read_lines(stream)[0]["timestamp"] == "2025-07-01T12:00:00.045Z"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_can_end_a_line_or_forge_one(stream, message, field):
    """Newlines, line separators, quotes, control characters and lone surrogates come back as they went in."""
    stream.seek(0)
    stream.truncate()
    logger.info("%s", message, extra={"event": "x", "detail": field})
    (line,) = read_lines(stream)
    assert (line["message"], line["detail"]) == (message, field)
    assert stream.getvalue().isascii()


def test_lone_surrogates_do_not_break_a_line(stream):
    """Given to the one handler, because pytest cannot pass such a text on to a summary."""
    (ours,) = [handler for handler in logging.getLogger().handlers if getattr(handler, "stream", None) is stream]
    ours.handle(logger.makeRecord(logger.name, logging.INFO, __file__, 1, "\ud800", (), None, extra={"event": "x"}))
    assert read_lines(stream)[0]["message"] == "\ud800"


def test_fields_that_json_cannot_say_are_written_as_text(stream):
    endless: list[object] = []
    endless.append(endless)
    fields = {
        "ratio": float("nan"),
        "limit": float("inf"),
        "lag": {TopicPartition("features", 0): 3, (1, 2): {4.5}},
        "where": object,
        "raw": b"\xff",
        "endless": endless,
    }
    logger.info("odd", extra={"event": "x", **fields})
    (line,) = read_lines(stream)
    assert line["ratio"] == "nan"
    assert line["lag"] == {"features[0]": 3, "(1, 2)": [4.5]}
    assert line["raw"] == "b'\\xff'"


def test_an_exception_stays_within_its_line(stream):
    log_failure("first\nsecond")
    (line,) = read_lines(stream)
    assert "ValueError: first\nsecond" in line["exception"]
    assert "test_logs.py" in line["exception"]


def test_other_libraries_lines_look_the_same_and_stay_above_debug(stream):
    configure = configure_logging("DEBUG", "json", stream)
    try:
        logging.getLogger("aiohttp.server").warning("odd request")
        logging.getLogger("botocore.auth").debug("credentials: hunter2")
        logger.debug("ours")
    finally:
        configure()
    assert [(line["logger"], line["event"]) for line in read_lines(stream)] == [
        ("aiohttp.server", "log"),
        ("scoreline.test", "log"),
    ]


def test_a_level_holds_back_what_is_below_it(stream):
    logger.debug("quiet")
    assert read_lines(stream) == []


def test_a_format_that_does_not_fit_its_arguments_still_gives_one_line(stream, capsys):
    (ours,) = (h for h in logging.getLogger().handlers if getattr(h, "stream", None) is stream)
    ours.handle(logging.makeLogRecord({"name": "thirdparty", "msg": "%d rows", "args": ("many",)}))
    (line,) = read_lines(stream)
    assert "many" in line["message"]
    assert capsys.readouterr().err == ""


def test_a_warning_is_a_line(stream):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    (line,) = read_lines(stream)
    assert (line["logger"], line["level"], line["event"]) == ("py.warnings", "WARNING", "warning")
    assert "old thing" in line["message"]


def test_an_exception_that_nobody_caught_is_a_line(stream):
    error = RuntimeError("boom")
    sys.excepthook(RuntimeError, error, None)
    (line,) = read_lines(stream)
    assert (line["level"], line["event"]) == ("CRITICAL", "crashed")
    assert "RuntimeError: boom" in line["exception"]


def test_an_exception_that_nobody_caught_in_a_thread_is_a_line(stream):
    def fail() -> None:
        raise RuntimeError("boom")

    thread = threading.Thread(target=fail, name="stream")
    thread.start()
    thread.join()
    (line,) = read_lines(stream)
    assert (line["event"], line["thread_name"]) == ("crashed", "stream")
    assert "in fail" in line["exception"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exception_while_cleaning_up_is_a_line(stream):
    class Fragile:
        def __del__(self) -> None:
            raise RuntimeError("boom")

    Fragile()
    (line,) = read_lines(stream)
    assert line["event"] == "unraisable"
    assert "boom" in line["exception"]


def test_a_line_for_people_shows_level_room_message_and_fields(console):
    logger.info("model is live", extra={"event": "version_live", "version": 3, "note": "two words"})
    line = console.getvalue()
    assert line.endswith('INFO    test           model is live  version=3  note="two words"\n')


def test_no_text_can_forge_a_line_for_people(console):
    logger.info("a\n12:00:00.000 INFO forged\x1b[31m\u2028", extra={"event": "x", "detail": "b\r\nforged"})
    log_failure("c\n12:00:00.000 INFO forged")
    lines = console.getvalue().splitlines()
    assert not any(line.startswith(("12:00:00.000 INFO forged", "forged")) for line in lines)
    assert "\x1b" not in console.getvalue()
    assert all(line.startswith("    ") for line in lines[2:])


def test_everything_is_as_before_when_logging_is_put_back():
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook, sys.unraisablehook)
    configure_logging("DEBUG", "json", io.StringIO())()
    assert (root.handlers[:], root.level, sys.excepthook, threading.excepthook, sys.unraisablehook) == before


def test_an_unknown_level_or_format_is_refused():
    with pytest.raises(KeyError):
        configure_logging("LOUD", "json", io.StringIO())
    with pytest.raises(ValueError, match="xml"):
        configure_logging("INFO", "xml", io.StringIO())
