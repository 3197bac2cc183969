"""A server on loopback, and small clients of it."""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT / "examples" / "photos"
SHAKEN = PHOTOS / "rocks-shaken.jpg"
SHARP = ROOT / "examples" / "sharp" / "astronaut.jpg"


class Client:
    """A program that uses the API, with a token of its own."""

    def __init__(self, port, host="127.0.0.1", password=None):
        self.port, self.host, self.password = port, host, password
        self.token = ""

    def ask(self, method, path, body=None, headers=None):
        """Return (status, headers, bytes) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=200)
        sent = {"Host": f"{self.host}:{self.port}", "X-Unblur-Token": self.token} | (headers or {})
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, method, path, body=None, *, status=200, headers=None):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        got, _, text = self.ask(method, path, data, headers)
        assert got == status, (got, text[:300])
        return json.loads(text) if text else None

    def begin(self):
        self.token = self.json("GET", "/api/session")["token"]
        return self

    def send(self, data, name="photo.jpg"):
        return self.json("POST", f"/api/uploads?{urlencode({'name': name})}", data, status=201)

    def order(self, upload, **options):
        return self.json("POST", "/api/jobs", {"upload": upload, **options}, status=202)

    def wait(self, job, *, seconds=200):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            row = self.json("GET", f"/api/jobs/{job['id']}")
            if row["state"] not in ("queued", "running"):
                return row
            time.sleep(0.05)
        raise AssertionError(f"not done in time: {row}")

    def restore(self, data, name="photo.jpg", **options):
        return self.wait(self.order(self.send(data, name)["id"], **options))

    def take(self, job, query=""):
        status, headers, data = self.ask("GET", f"/api/jobs/{job['id']}/result{query}")
        assert status == 200, data[:300]
        return headers, data


@contextmanager
def running(settings):
    """Run a server in a thread of this process; yields (port, hub)."""
    from unblur.web.hub import Hub
    from unblur.web.server import listen, make_server

    listener = listen(settings.host, 0, exact=True)
    hub = Hub(settings)
    server = make_server(settings, hub)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], hub
    finally:
        server.should_exit = True
        thread.join(60)
        hub.close()
        listener.close()
        assert not thread.is_alive()
        assert not hub.store.root.exists()


@contextmanager
def started(folder, *options):
    """Start ``unblur serve`` as people do, its files in a folder; yields (process, port)."""
    command = [sys.executable, "-m", "unblur", "serve", "--no-open", "--port", "0", *options]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(folder)}
    )
    try:
        lines = []
        while not (found := re.search(r"the page is at \S+:(\d+)", "".join(lines[-1:]))):
            lines.append(process.stderr.readline())
            assert lines[-1], lines
        yield process, int(found[1])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
