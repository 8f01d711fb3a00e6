"""The client needs nothing but Python."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root != "scoreline" and root not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"blocked: {name}")

sys.meta_path.insert(0, Blocked())
from scoreline.client import AsyncClient, Client
Client("http://h"), AsyncClient("https://h")
print(*sorted(name for name in sys.modules if name.startswith("scoreline")))
"""


@pytest.mark.slow
def test_it_is_imported_and_made_where_only_python_is_installed():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "scoreline.client.sync" in loaded
    assert {name for name in loaded if not name.startswith("scoreline.client")} == {"scoreline"}
