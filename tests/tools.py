"""Programs of the machine that some tests need: found on the PATH, else the test is skipped, or fails in CI."""

import shutil

from scoreline.testing.plugin import give_up

PACKAGES = {
    "chromium": "chromium",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "systemd-analyze": "systemd",
}
"""What Debian and Ubuntu call the package of each."""


def require_tool(request, name):
    """Path of a program; where it is not there the test is skipped, with --require-tools it fails."""
    found = shutil.which(name)
    if found is None:
        give_up(request.config, f"{name} (Debian and Ubuntu: apt-get install {PACKAGES[name]})", "tools")
    return found
