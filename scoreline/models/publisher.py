"""Who publishes, and moves aliases: noted with every change in the store."""

import os
import platform


def whoami() -> str:
    """Who runs this, as `user@host`; the user's number where the system has no name for it."""
    import pwd

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return f"{user}@{platform.node()}"
