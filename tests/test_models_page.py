"""docs/models.md, as someone would follow it: every block run in its order, with a service beside it."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from scoreline.config.environment import read_environment
from scoreline.local.network import free_ports
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from scoreline.testing.service import ServiceProcess

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
_BLOCK = re.compile(r"^```(\S+) ?(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCUMENTED_PORT = "8080"
BLOCK_SECONDS = 60

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Shell:
    """Where the reader sits: a folder of their own, with scoreline's commands on the PATH."""

    folder: Path
    port: int

    def run(self, commands: str) -> str:
        folders = [str(Path(sys.executable).parent), read_environment()["PATH"]]
        environment = {name: value for name, value in read_environment().items() if not name.startswith("SCORELINE_")}
        environment |= {"PATH": os.pathsep.join(folders), "SCORELINE_CACHE_DIR": str(self.folder / "cache")}
        environment |= {
            "SCORELINE_HTTP_PORT": str(self.port),
            "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        }
        done = subprocess.run(
            ["sh", "-e", "-c", commands.replace(DOCUMENTED_PORT, str(self.port))],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BLOCK_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page asks with curl, which is not installed here")
def test_the_page_leads_from_a_trained_model_to_a_canary_and_back(tmp_path):
    blocks = [Block(*found) for found in _BLOCK.findall(PAGE.read_text())]
    assert {block.language for block in blocks} == {"python", "sh", "text"}
    shell = Shell(tmp_path, free_ports(1)[0])
    service = ServiceProcess(
        {
            "HTTP_PORT": str(shell.port),
            "CACHE_DIR": str(tmp_path / "cache"),
            "MODEL_STORE": str(tmp_path / "model_store"),
        },
        tmp_path,
        roles=["http"],
    )
    printed = ""
    with service:
        for block in blocks:
            if block.language == "python":
                (tmp_path / block.mark).write_text(block.text)
            elif block.language == "text":
                assert block.text in printed
            elif block.mark == "service":
                assert block.text == "scoreline run --role http\n"
                service.start()
                service.await_ready()
            else:
                printed = shell.run(block.text)
        with urllib.request.urlopen(f"{service.url}/models", timeout=5) as answer:
            (compared,) = json.load(answer)["shadows"]
    assert (compared["version"], compared["shadow"], compared["count"]) == (1, 2, 2)
    store = ModelStore(str(tmp_path / "model_store"))
    assert store.versions("flights") == (2,)
    canary = Route.of({1: 90, 2: 10})
    watched = Route.of({1: 100}, (2,))
    meant = [entry.route for entry in store.history("flights", "production")]
    assert meant == [Route.to(1), watched, canary, Route.to(2), canary, watched, Route.to(2)]
