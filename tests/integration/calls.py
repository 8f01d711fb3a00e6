"""What a test asks a running service over HTTP."""

import json
import time
import urllib.request


def get(service, path):
    with urllib.request.urlopen(f"{service.url}{path}", timeout=10) as answer:
        return answer.read().decode()


def post(service, path, body):
    request = urllib.request.Request(
        f"{service.url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def await_models(service, condition, within_seconds):
    """Wait until `/models` tells what is waited for."""
    deadline = time.monotonic() + within_seconds
    while not condition(told := json.loads(get(service, "/models"))):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


def read_metric(service, name):
    """The value of one series, 0 where there is none."""
    lines = get(service, "/metrics").splitlines()
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"scoreline_{name} ")), 0.0)
