"""Callers who ask the sidecar without a pause, and hold every answer against the version that it names."""

import http.client
import json
import threading
from collections import Counter

from scoreline.local.properties import HOST

NAMED_AT_MOST = 20
ANSWER_SECONDS = 30.0


class Callers:
    """Threads that call `/predict` on connections of their own for as long as the block lasts.

    Args:
        versions: a `tests.torture.versions.Versions`.

    Attributes:
        by_version: answers by the version that they name.
        wrong: answers that are not what that version gives, and those that are no predictions; the first ones in words.
    """

    def __init__(self, port, versions, *, count=2):
        self._port, self._versions = port, versions
        self.by_version = Counter()
        self.wrong = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"caller-{n}", daemon=True) for n in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        body = json.dumps({"instances": self._versions.instances}).encode()
        connection = http.client.HTTPConnection(HOST, self._port, timeout=ANSWER_SECONDS)
        try:
            while not self._stop.is_set():
                connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                self._note(answer.status, answer.read())
        except Exception as error:  # noqa: BLE001 - a caller who gets no answer is what is looked for
            self._complain(f"no answer: {error!r}")
        finally:
            connection.close()

    def _note(self, status, body):
        if status != http.client.OK:
            self._complain(f"status {status}: {body[:200]!r}")
            return
        answer = json.loads(body)
        expected = self._versions.scores.get(answer["version"])
        with self._lock:
            self.by_version[answer["version"]] += 1
        if expected is None or answer["predictions"] != list(expected):
            self._complain(f"version {answer['version']} is said to give {answer['predictions'][:3]}…")

    def _complain(self, words):
        with self._lock:
            if len(self.wrong) < NAMED_AT_MOST:
                self.wrong.append(words)
