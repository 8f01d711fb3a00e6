"""schemathesis against `scoreline run --role http`: no 5xx, and no answer that `/openapi.json` does not tell of."""

import json
import re
import subprocess
import sysconfig
import urllib.request
from pathlib import Path

import pytest

from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from tests.models.builders import put_version, train, train_with_levels, trusting_cache

pytestmark = pytest.mark.slow

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
TIME_LIMIT_SECONDS = 100


@pytest.fixture
def start(scoreline_service, tmp_path):
    """Start a service that asks for tokens, over two versions of a model that have the same features."""

    def start_service(trained):
        store = ModelStore(str(tmp_path / "store"))
        manifests = [put_version(store, "tiny", trained) for _ in range(2)]
        store.set_alias("tiny", "production", 1, by="tests")
        store.set_alias("tiny", "canary", Route.of({1: 90, 2: 10}), by="tests")
        trusting_cache(tmp_path / "cache", *manifests)
        variables = {
            "MODEL_STORE": str(tmp_path / "store"),
            "CACHE_DIR": str(tmp_path / "cache"),
            "HTTP_TOKENS": "admin:admin-me,predict:predict-me",
        }
        return scoreline_service(variables, roles=["http"]).start().await_ready()

    return start_service


def examine(service, folder, *, examples, token=None):
    """Run schemathesis, and show what it says where it has found something."""
    request = urllib.request.Request(f"{service.url}/openapi.json", headers={"Authorization": "Bearer predict-me"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        document = answer.read()
    (folder / "openapi.json").write_bytes(document)
    command = [
        str(Path(sysconfig.get_path("scripts")) / "st"),
        *("--no-color", "--config-file", str(CONFIGURATION)),
        *("run", "openapi.json", "--url", service.url, "--checks", "all", f"--max-examples={examples}"),
        *(("--header", f"Authorization: Bearer {token}") if token else ()),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIME_LIMIT_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # It also ends well where it could examine nothing.
    operations = sum(len(methods) for methods in json.loads(document)["paths"].values())
    assert re.search(rf"Tested: {operations}$", done.stdout, re.MULTILINE), done.stdout
    assert service.logs("request_failed") == []


def test_every_answer_to_an_administrator_is_as_the_document_tells(start, tmp_path):
    examine(start(train_with_levels()), tmp_path, examples=25, token="admin-me")


def test_every_answer_to_others_and_of_a_model_with_classes_is_as_the_document_tells(start, tmp_path):
    service = start(train("multiclass"))
    examine(service, tmp_path, examples=10, token="predict-me")
    examine(service, tmp_path, examples=3)
