"""The page's server, measured: time to the first result, memory under uploads, hostile requests.

Each part starts a server of its own (``unblur serve`` as people start it) and looks at its
processes from outside (Linux: /proc). Seed 0.

* ``first``: seconds from the drop of a photo into the page to the result on the stage, in a
  browser (playwright and chromium), at several sizes, after one small photo has warmed all up.
  ``inside`` is what analysis and restoration alone took, ``cpu`` what server and worker computed.
* ``memory``: peak memory of server and worker while photos are uploaded at the same time.
* ``hostile``: requests that are oversized, broken, slow, forged or look for other files. An error
  unless the server is as whole afterwards as before: workers, open files, threads, stored bytes.

Run: ``python benchmarks/web.py [first] [memory] [hostile] [--megapixels 1 12] [--uploads 20]``
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speed import make_photo

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync"),
]


@dataclass
class Served:
    """A running server and what /proc tells of it."""

    port: int
    process: subprocess.Popen[str]
    token: str = ""

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Return status and body of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1200)
        try:
            sent = {"X-Unblur-Token": self.token} | {
                k.replace("_", "-"): v for k, v in headers.items()
            }
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, body: bytes = b"") -> Any:
        """Return the answer to a request that must succeed."""
        status, text = self.ask(method, path, body)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {text[:200]!r}")
        return json.loads(text) if text else None

    def restore(self, data: bytes) -> dict[str, Any]:
        """Send a photo and return its finished job."""
        upload = self.json("POST", "/api/uploads?name=photo.jpg", data)["id"]
        job = self.json("POST", "/api/jobs", json.dumps({"upload": upload}).encode())
        while job["state"] in ("queued", "running"):
            time.sleep(0.05)
            job = self.json("GET", f"/api/jobs/{job['id']}")
        return dict(job)

    def pids(self) -> dict[str, int]:
        """Return the processes: "server", "keeper", "worker" and those that write results."""
        children = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rsplit(")", 1)[1].split()
                line = (path.parent / "cmdline").read_bytes()
                if int(fields[1]) == self.process.pid and b"spawn_main" in line:
                    children.append((int(fields[19]), int(path.parent.name)))
        names = ["keeper", "worker", "renderer", "renderer 2"]
        found = dict(zip(names, (pid for _, pid in sorted(children)), strict=False))
        return {"server": self.process.pid} | found

    def peaks_mb(self) -> dict[str, float]:
        """Return the largest resident set of each process so far, in MB."""
        return {name: status(pid, "VmHWM") / 1024 for name, pid in self.pids().items()}

    def cpu_seconds(self) -> float:
        """Return what all processes have computed so far."""
        ticks = 0
        for pid in self.pids().values():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        """Return the server's number of open files."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


def status(pid: int, name: str) -> int:
    """Return a number of /proc/PID/status."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    assert found is not None
    return int(found[1])


@contextlib.contextmanager
def served(*options: str) -> Iterator[Served]:
    """Start a server; at the end it is stopped, and its folder must be gone."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "unblur", "serve", "--no-open", "--port", "0", *options]
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": folder}
        )
        assert process.stderr is not None
        port = re.search(r":(\d+)/", process.stderr.readline())
        if port is None:
            raise SystemExit("the server does not start")
        server = Served(int(port[1]), process)
        try:
            while server.ask("GET", "/health")[0] != 200:
                time.sleep(0.1)
            while not server.json("GET", "/api/session")["models"]:
                time.sleep(0.1)
            server.token = server.json("GET", "/api/session")["token"]
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.stderr.read()
            process.wait(20)
            process.stderr.close()
        left = list(Path(folder).glob("unblur-web-*"))
        if left or said:
            raise SystemExit(f"left behind: {left}; said: {said}")


def photo_bytes(megapixels: float) -> bytes:
    """Return a shaken JPEG photo of a size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        make_photo(megapixels, path)
        return path.read_bytes()


def first_result(sizes: list[float], threads: int | None) -> None:
    """Measure the time from drop to result, in a browser."""
    from playwright.sync_api import sync_playwright

    options = ("--threads", str(threads)) if threads else ()
    print(f"{'Mpx':>6}{'first s':>9}{'inside s':>10}{'cpu s':>8}{'load':>7}")
    with served(*options) as server, sync_playwright() as playwright:
        server.restore(photo_bytes(0.1))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for size in sizes:
            page = browser.new_page()
            page.set_default_timeout(3_600_000)
            page.goto(f"http://127.0.0.1:{server.port}/")
            page.wait_for_selector("html[data-ready]")
            path = Path(tempfile.mkdtemp()) / "photo.jpg"
            path.write_bytes(photo_bytes(size))
            computed, begun = server.cpu_seconds(), time.perf_counter()
            page.set_input_files("#files", str(path))
            page.wait_for_selector("#stage[data-ready]")
            took = time.perf_counter() - begun
            computed = server.cpu_seconds() - computed
            text = page.text_content("#facts dl") or ""
            inside = sum(float(part) for part in re.findall(r"([\d.]+) s", text))
            load = os.getloadavg()[0]
            print(
                f"{size:>6.1f}{took:>9.1f}{inside:>10.1f}{computed:>8.1f}{load:>7.1f}", flush=True
            )
            page.close()
            shutil.rmtree(path.parent)
        browser.close()


def parallel_uploads(count: int, megapixels: float, threads: int | None) -> None:
    """Measure memory while photos arrive and are restored."""
    data = photo_bytes(megapixels)
    options = ("--threads", str(threads)) if threads else ()
    with served(*options) as server:
        before = server.peaks_mb()

        def send(_: int) -> str:
            return str(server.json("POST", "/api/uploads?name=photo.jpg", data)["id"])

        begun = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            uploads = list(pool.map(send, range(count)))
        seconds, size = time.perf_counter() - begun, len(data) / 1e6
        print(f"{count} uploads at once of {megapixels:g} Mpx, {size:.1f} MB each: {seconds:.1f} s")
        show_peaks("at the start", before)
        show_peaks("all uploaded", server.peaks_mb())
        for upload in uploads:
            server.json("POST", "/api/jobs", json.dumps({"upload": upload}).encode())
        while not any(j["state"] == "done" for j in server.json("GET", "/api/jobs")["jobs"]):
            time.sleep(0.2)
        show_peaks("one restored", server.peaks_mb())
        first = next(j for j in server.json("GET", "/api/jobs")["jobs"] if j["state"] == "done")
        path = f"/api/jobs/{first['id']}/result?strength=0.5"
        with ThreadPoolExecutor(count) as pool:
            codes = Counter(pool.map(lambda _: server.ask("GET", path)[0], range(count)))
        show_peaks(f"{count} downloads at once, half strength {dict(codes)}", server.peaks_mb())
        server.json("DELETE", "/api/session")


def show_peaks(when: str, peaks: dict[str, float]) -> None:
    """Print the largest resident sets so far."""
    print(f"{when}: {', '.join(f'{name} {mb:.0f} MB' for name, mb in peaks.items())}", flush=True)


Attack = Callable[[Served, random.Random], str]


def spoken(server: Served, *parts: bytes, pause: float = 0.0, wait: float = 40.0) -> str:
    """Send raw bytes, bit by bit, and return the first line of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            answer = connection.recv(4096)
        except OSError as error:
            return type(error).__name__
    return answer.split(b"\r\n")[0].decode("latin-1")[:24] or "closed"


def post(server: Served, path: str, rest: str) -> bytes:
    """Return the head of a POST."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nX-Unblur-Token: {server.token}\r\n"
    return f"{head}{rest}\r\n\r\n".encode()


def oversized(server: Served, rng: random.Random) -> str:
    """Announce far too much, or send it in pieces without announcing it."""
    if rng.random() < 0.5:
        return spoken(server, post(server, "/api/uploads", "Content-Length: 99999999999"))
    block = b"80000\r\n" + bytes(0x80000) + b"\r\n"
    return spoken(server, post(server, "/api/uploads", "Transfer-Encoding: chunked"), *[block] * 14)


def malformed(server: Served, rng: random.Random) -> str:
    """Send what is no HTTP, or a head without end."""
    kinds = [
        rng.randbytes(200) + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 90_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ]
    return spoken(server, rng.choice(kinds))


def slow(server: Served, rng: random.Random) -> str:
    """Send a head, or a body, byte by byte or not at all."""
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "
    if rng.random() < 0.5:
        return spoken(server, head, *[b"a"] * 12, pause=1.0)
    return spoken(server, post(server, "/api/uploads", "Content-Length: 5000"), b"abc")


def broken_off(server: Served, rng: random.Random) -> str:
    """Go away in the middle of an upload."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(post(server, "/api/uploads", "Content-Length: 500000"))
        connection.sendall(rng.randbytes(rng.randrange(400_000)))
    return "left"


def path_trick(server: Served, rng: random.Random) -> str:
    """Ask for files that are none of the page's, as path or as file name."""
    paths = [
        *("/static/../web/app.py", "/static/%2e%2e/app.py", "/static/..%5c..%5cerrors.py"),
        *("//etc/passwd", "/static//etc/passwd", "/static/%00", "/api/jobs/../../etc/passwd"),
        *("/api/jobs/%2e%2e/before", f"/api/jobs/{'0' * 32}/..%2f..%2fetc%2fpasswd"),
    ]
    code, text = server.ask("GET", rng.choice(paths))
    if b"import" in text or b"root:" in text:
        raise SystemExit("a file leaked")
    job = {"upload": "../../etc/passwd", "psf": "/etc/passwd", "model": "/etc/passwd.onnx"}
    second, _ = server.ask("POST", "/api/jobs", json.dumps(job).encode())
    name = rng.choice(["../../../tmp/evil.png", "C:\\evil.exe", "a%00.png", "%2e%2e%2fevil"])
    third, _ = server.ask("POST", f"/api/uploads?name={name}", b"x")
    return f"{code} {second} {third}"


def forged(server: Served, rng: random.Random) -> str:
    """Come from another site, by another name, or with another's token."""
    headers = rng.choice(
        [
            {"Origin": "https://evil.example"},
            {"Host": "evil.example"},
            {"Sec_Fetch_Site": "cross-site"},
            {"X_Unblur_Token": "0" * 32 + "." + "0" * 64},
        ]
    )
    return str(server.ask("POST", "/api/uploads?name=x", b"x" * 1000, **headers)[0])


def bad_order(server: Served, rng: random.Random) -> str:
    """Send orders that are no orders."""
    bodies = [b"{", b"[]", b"[" * 50_000, rng.randbytes(500), b"x" * 70_000, b'{"upload": 3}']
    return str(server.ask("POST", "/api/jobs", rng.choice(bodies))[0])


def bad_photo(server: Served, rng: random.Random) -> str:
    """Have files restored that are damaged, lie about their size, or are play lists."""
    photo = bytearray(SMALL)
    for _ in range(30):
        photo[rng.randrange(len(photo))] = rng.randrange(256)
    bomb = (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
        + (10**6).to_bytes(4, "big") * 2
        + b"\x08\2\0\0\0"
        + bytes(9)
    )
    kinds = [
        bytes(photo),
        bytes(SMALL[: rng.randrange(50, len(SMALL))]),
        bomb,
        b"II*\0\x08\0\0\0" + rng.randbytes(300),
        b"\0\0\0\x18ftypheic" + rng.randbytes(300),
        b"\0\0\0\x18ftypisom" + rng.randbytes(300),
        b"#EXTM3U\nfile:///etc/passwd\n",
        rng.randbytes(1000),
    ]
    job = server.restore(rng.choice(kinds))
    return job["state"] if job["state"] == "done" else job["error"]["code"]


ATTACKS: list[Attack] = [
    *(oversized, malformed, slow, broken_off, path_trick, forged, bad_order, bad_photo),
]
SMALL = b""


def hostile(count: int, threads: int | None) -> None:
    """Send hostile requests and look whether anything is leaked or lost."""
    global SMALL
    SMALL = photo_bytes(0.03)
    options = ["--max-upload-mb", "5"] + (["--threads", str(threads)] if threads else [])
    with served(*options) as server:
        normal = server.restore(SMALL)
        server.json("DELETE", "/api/session")
        time.sleep(1)
        before = state(server)

        def one(number: int) -> tuple[str, str]:
            attack = ATTACKS[number % len(ATTACKS)]
            return attack.__name__, attack(server, random.Random(number))

        begun = time.perf_counter()
        with ThreadPoolExecutor(32) as pool:
            answers = Counter(pool.map(one, range(count)))
        seconds = time.perf_counter() - begun
        again = server.restore(SMALL)
        server.json("DELETE", "/api/session")
        time.sleep(12)  # connections that were kept are let go
        after = state(server)
    print(f"{count} hostile requests in {seconds:.0f} s, 32 at a time")
    for attack in ATTACKS:
        rows = [
            f"{n} x {text}" for (name, text), n in answers.most_common() if name == attack.__name__
        ]
        print(f"  {attack.__name__}: {'; '.join(rows)}")
    for name in before:
        print(f"  {name}: {before[name]} before, {after[name]} after")
    same = ("workers", "restarts", "open files", "threads", "stored bytes", "uploads")
    if any(before[name] != after[name] for name in same):
        raise SystemExit("something leaked, or a worker was lost")
    if not normal["state"] == again["state"] == "done":
        raise SystemExit("the server does not restore any more")


def state(server: Served) -> dict[str, float]:
    """Return what must not grow."""
    text = server.ask("GET", "/metrics")[1].decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    pids = server.pids()
    return {
        "workers": float(values["unblur_workers_alive"]),
        "restarts": float(values["unblur_worker_restarts_total"]),
        "uploads": float(values["unblur_uploads"]),
        "stored bytes": float(values["unblur_stored_bytes"]),
        "open files": server.open_files(),
        "threads": status(server.process.pid, "Threads"),
        "server MB": round(status(pids["server"], "VmRSS") / 1024),
        "worker MB": round(status(pids["worker"], "VmRSS") / 1024),
    }


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["first", "memory", "hostile"])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12])
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if "first" in options.parts:
        first_result(options.megapixels, options.threads)
    if "memory" in options.parts:
        parallel_uploads(options.uploads, options.megapixels[-1], options.threads)
    if "hostile" in options.parts:
        hostile(options.requests, options.threads)


if __name__ == "__main__":
    main()
