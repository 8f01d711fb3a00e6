"""The command line: one file a command or a group of commands, and the one place where errors become exit codes."""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from scoreline.cli.exits import find_exit_code, report
from scoreline.errors import ServiceError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; those of the process when None.

    Returns:
        0, 2 for a bad configuration or bad arguments, 3 where something needed is missing or refuses, 1 for a fatal
        client error, 130 after Ctrl-C. Anything unforeseen is raised: a traceback, and exit code 1.
    """
    serving = arguments is None and sys.argv[1:2] == ["run"]
    if serving:
        # Before the imports, which take a second: a service has nothing in hand yet, and a stop is no failure.
        # No exception: libraries catch whatever is raised while they are imported, and the stop would be forgotten.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
    else:
        # What a command has to say of Kafka it says itself; the client's own lines are for a service's log.
        logging.getLogger("scoreline.kafka").addHandler(logging.NullHandler())

    from scoreline.cli.commands import make_command

    try:
        make_command()(arguments, "scoreline")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except ServiceError as error:
        report(error)
        return find_exit_code(error)
    return 0


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    os._exit(0)
