"""A real Prometheus on loopback, and a relay that has it scrape plain text."""

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from scoreline.errors import Unavailable
from scoreline.local.network import free_ports
from scoreline.local.process import GuardedProcess
from scoreline.local.properties import HOST

PATIENCE_SECONDS = 30.0
ASK_AGAIN_SECONDS = 0.05


class Prometheus:
    """Runs with this configuration until it is left.

    Args:
        program: path of it.
        folder: of its own.
    """

    def __init__(self, program, configuration, folder):
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(configuration))
        self._log = folder / "prometheus.log"
        self._url = f"http://{HOST}:{free_ports(1)[0]}"
        address = self._url.removeprefix("http://")
        self._command = [
            *(program, f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"),
            *(f"--web.listen-address={address}", "--log.level=warn"),
        ]

    def __enter__(self):
        self._process = GuardedProcess(self._command, stdout=self._log, stderr=self._log)
        return self

    def __exit__(self, *_):
        self._process.kill()

    def ask(self, path, **parameters):
        """What its API answers; None while it is not ready to."""
        if not self._process.running:
            raise Unavailable(f"Prometheus has ended:\n{self._log.read_text()}")
        query = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{query}", timeout=5) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
                    return None
                raise Unavailable(f"{path}: {error.read().decode()}") from error
        except OSError:
            return None

    def await_answer(self, is_enough, path, **parameters):
        """Ask until the answer is enough; returns it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := self.ask(path, **parameters)) is None or not is_enough(answer):
            if time.monotonic() > deadline:
                raise Unavailable(f"{path} is still {answer}\n{self._log.read_text()}")
            self._process.wait(ASK_AGAIN_SECONDS)
        return answer


class PlainText:
    """Answers every request with what a sidecar gives to those who only read plain text; `.address`."""

    def __init__(self, url):
        class Relay(BaseHTTPRequestHandler):
            def do_GET(self):
                asked = urllib.request.Request(url + self.path, headers={"Accept": "text/plain"})
                with urllib.request.urlopen(asked, timeout=5) as answer:
                    self.send_response(200)
                    self.send_header("Content-Type", answer.headers["Content-Type"])
                    self.end_headers()
                    self.wfile.write(answer.read())

            def log_message(self, *_):
                """Nobody reads it."""

        self._server = ThreadingHTTPServer((HOST, 0), Relay)
        self.address = f"{HOST}:{self._server.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
