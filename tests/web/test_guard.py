"""Who is let in, what answers carry, and what slow clients get."""

import base64
import contextlib
import http.client
import os
import re
import socket
import time
from pathlib import Path

import pytest

from tests.web.serving import Client, running
from unblur.errors import BadValue
from unblur.web.settings import Limits, Settings, is_loopback

PASSWORD = "correct horse"


def raw(port, data, *, timeout=10.0):
    """Send bytes and return all that comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(data)
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
        return answer


@pytest.fixture(scope="module")
def guarded():
    """(port, hub) of a server that others can reach, with a password and short times."""
    limits = Limits(header_seconds=2.0, stall_seconds=2.0)
    settings = Settings(host="0.0.0.0", password=PASSWORD, names=("photos.example",), limits=limits)
    with running(settings) as (port, hub):
        yield port, hub


def basic(password):
    return {"Authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.7", "", "["])
def test_other_host_names_are_refused(server, host):
    status, _, text = Client(server[0]).ask("GET", "/api/session", headers={"Host": host})
    assert status == 421 and b"token" not in text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:80", "LOCALHOST:1"])
def test_our_own_names_are_taken(server, host):
    assert Client(server[0]).ask("GET", "/", headers={"Host": host})[0] == 200


def test_a_request_without_or_with_two_hosts_is_refused(server):
    assert b" 4" in raw(server[0], b"GET / HTTP/1.1\r\n\r\n").split(b"\r\n")[0]
    two = b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert b" 4" in raw(server[0], two).split(b"\r\n")[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_are_refused(client, headers):
    assert client.ask("GET", "/api/session", headers=headers)[0] == 403
    assert client.ask("POST", "/api/uploads", b"x", headers=headers)[0] == 403


def test_our_own_page_is_let_in(client):
    headers = {"Origin": f"http://127.0.0.1:{client.port}", "Sec-Fetch-Site": "same-origin"}
    assert client.ask("GET", "/api/jobs", headers=headers)[0] == 200


@pytest.mark.parametrize("token", ["", "x", "a.b", "é.é", "0" * 32 + "." + "0" * 64])
def test_without_our_token_nothing_is_done(server, token):
    stranger = Client(server[0])
    headers = {"X-Unblur-Token": token.encode("latin-1")}
    for method, path in [
        ("POST", "/api/uploads"),
        ("POST", "/api/jobs"),
        ("GET", "/api/jobs"),
        ("GET", "/api/events"),
        ("DELETE", "/api/session"),
    ]:
        assert stranger.ask(method, path, b"", headers)[0] == 403, path


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/health", "/api/session", "/nothing"])
def test_every_answer_carries_the_headers(client, path):
    _, headers, _ = client.ask("GET", path)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == (
        "no-cache" if path in ("/", "/static/main.js") else "no-store"
    )
    assert "access-control-allow-origin" not in headers and "server" not in headers
    assert "set-cookie" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../settings.py",
        "/static/..%2fsettings.py",
        "/static/%2e%2e/%2e%2e/errors.py",
        "/static/....//settings.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/\\..\\settings.py",
        "/api/jobs/../../etc/passwd",
        "//etc/passwd",
    ],
)
def test_paths_lead_nowhere_else(client, path):
    status, _, text = client.ask("GET", path.replace("\\", "%5c"))
    assert status in (403, 404) and b"import" not in text and b"root:" not in text


def test_unknown_methods_and_sockets_are_refused(client):
    assert client.ask("PUT", "/api/jobs", b"{}")[0] == 405
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert client.ask("GET", "/api/events", headers=headers | {"X-Unblur-Token": ""})[0] == 403


def test_the_password_is_asked_for(guarded):
    client = Client(guarded[0])
    status, headers, _ = client.ask("GET", "/")
    assert status == 401 and headers["www-authenticate"].startswith("Basic")
    assert client.ask("GET", "/metrics")[0] == 401
    assert client.ask("GET", "/health")[0] in (200, 503)
    for header in ("Basic", "Basic !!!", "Basic " + "é", "Bearer x"):
        given = {"Authorization": header.encode("latin-1")}
        assert client.ask("GET", "/", headers=given)[0] == 401
    assert client.ask("GET", "/", headers=basic(PASSWORD))[0] == 200
    assert client.ask("GET", "/", headers=basic(PASSWORD) | {"Host": "photos.example"})[0] == 200
    assert client.ask("GET", "/", headers=basic(PASSWORD) | {"Host": "10.1.2.3:80"})[0] == 200
    assert client.ask("GET", "/", headers=basic(PASSWORD) | {"Host": "evil.example"})[0] == 421


def test_slow_heads_are_cut_off(guarded):
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", guarded[0]), timeout=60) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: local")
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
    assert 1.5 < time.monotonic() - begun < 60
    with socket.create_connection(("127.0.0.1", guarded[0]), timeout=60) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1" in connection.recv(4096)
        connection.sendall(b"GET /hea")
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(4096):
                pass
    assert time.monotonic() - begun < 60


def test_a_connection_that_is_kept_is_not_cut(guarded):
    connection = http.client.HTTPConnection("127.0.0.1", guarded[0], timeout=10)
    for pause in (2.4, 0):  # longer than a head may take
        connection.putrequest("GET", "/health", skip_host=True)
        connection.putheader("Host", "localhost")
        connection.endheaders()
        assert b"workers" in connection.getresponse().read()
        time.sleep(pause)
    connection.close()


def test_bodies_that_stand_still_leave_nothing(client, server):
    before = server[1].store.count, sorted(server[1].store.root.iterdir())
    head = f"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nX-Unblur-Token: {client.token}\r\n"
    answer = raw(server[0], f"{head}Content-Length: 5000\r\n\r\nabc".encode())
    assert b" 408 " in answer.split(b"\r\n")[0]
    with socket.create_connection(("127.0.0.1", server[0])) as connection:
        connection.sendall(f"{head}Content-Length: 5000\r\n\r\nabc".encode())
    time.sleep(0.5)
    assert (server[1].store.count, sorted(server[1].store.root.iterdir())) == before


def test_files_are_for_their_user_only(server, client):
    client.send(b"private")
    root = server[1].store.root
    if os.name == "posix":
        assert root.stat().st_mode & 0o077 == 0
    assert all(re.fullmatch("[0-9a-f]{32}", path.name) for path in root.iterdir())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "photos.example"])
def test_others_only_with_a_password(host):
    with pytest.raises(BadValue, match="password"):
        Settings(host=host)
    assert Settings(host=host, password=PASSWORD).password == PASSWORD
    assert PASSWORD not in repr(Settings(host=host, password=PASSWORD))


def test_short_passwords_and_no_workers_are_refused():
    with pytest.raises(BadValue, match="at least"):
        Settings(password="short")
    with pytest.raises(BadValue, match="worker"):
        Settings(workers=0)


def test_loopback():
    assert all(map(is_loopback, ["127.0.0.1", "127.1.2.3", "::1", "localhost"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "10.0.0.1", "example.org"]))


def test_no_folder_is_left_in_the_temporary_folder(server):
    import tempfile

    assert server[1].store.root.is_dir()
    for path in Path(tempfile.gettempdir()).glob(".unblur-new-*"):
        assert time.time() - path.stat().st_mtime < 60  # those of servers that start just now
