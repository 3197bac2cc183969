"""``unblur serve`` as people start it, stop it and kill it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from tests.web.serving import Client
from unblur.cli import main
from unblur.runtime import Runtime


def call(*arguments, env=None):
    return CliRunner().invoke(main, ["serve", "--no-open", *arguments], env=env)


@pytest.fixture
def never(monkeypatch):
    """The settings with which a server would have been run."""
    import unblur.web.server

    seen = []

    def serve(settings, listener):
        listener.close()
        seen.append(settings)

    monkeypatch.setattr(unblur.web.server, "serve", serve)
    return seen


def test_others_need_a_password(never, tmp_path):
    result = call("--host", "0.0.0.0")
    assert result.exit_code == 3 and "password" in result.output
    assert never == []
    secret = tmp_path / "password"
    secret.write_text("correct horse\nand more\n")
    assert call("--host", "0.0.0.0", "--port", "0", "--password-file", str(secret)).exit_code == 0
    assert call("--port", "0", env={"UNBLUR_PASSWORD": "battery staple"}).exit_code == 0
    assert [s.password for s in never] == ["correct horse", "battery staple"]
    assert call("--password-file", str(tmp_path / "none")).exit_code == 3
    secret.write_text("")
    assert call("--password-file", str(secret)).exit_code == 3


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o644, True)])
def test_a_password_that_others_can_read_is_told(never, tmp_path, mode, warned):
    secret = tmp_path / "password"
    secret.write_text("correct horse")
    secret.chmod(mode)
    result = call("--port", "0", "--password-file", str(secret))
    assert result.exit_code == 0 and never[0].password == "correct horse"
    assert ("chmod 600" in result.output) == warned
    assert "correct horse" not in result.output


def test_options_reach_the_settings(never):
    result = call(
        *("--port", "0", "--workers", "2", "--threads", "3", "--max-megapixels", "10"),
        *("--max-upload-mb", "5", "--max-stored-gb", "1", "--max-clip-seconds", "4"),
        *("--idle-minutes", "2", "--name", "a.example", "--name", "b.example"),
        *("--timeout", "90", "--max-memory-gb", "2.5", "--root-path", "/photos/"),
        *("--trusted-proxy", "10.0.0.2", "--trusted-proxy", "10.1.0.0/16"),
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"the page is at http://127.0.0.1:\d+/", result.output)
    (settings,) = never
    limits = settings.limits
    assert (settings.workers, settings.runtime) == (2, Runtime(3))
    assert settings.names == ("a.example", "b.example")
    assert (limits.pixels, limits.upload_bytes, limits.stored_bytes) == (10**7, 5 * 10**6, 10**9)
    assert (limits.clip_seconds, limits.idle_seconds) == (4.0, 120.0)
    assert (limits.seconds_of(clip=False), limits.seconds_of(clip=True)) == (90, 270)
    assert (limits.memory_bytes, settings.root_path) == (2_500_000_000, "/photos")
    assert settings.trusted_proxies == ("10.0.0.2", "10.1.0.0/16")
    assert call("--trusted-proxy", "*").exit_code == 3


def test_a_port_that_is_taken(never):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = call("--port", str(port))
        assert result.exit_code == 6 and f"port {port}" in result.output
    from unblur.web.server import listen

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with listen("127.0.0.1", port, exact=False) as other:
            assert other.getsockname()[1] > port


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "unblur.web.server", None)
    result = call()
    assert result.exit_code == 5 and "pip install 'unblur[web]'" in result.output


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_however_it_ends(tmp_path, number):
    command = [sys.executable, "-m", "unblur", "serve", "--no-open", "--port", "0"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        # Whoever runs the tests in the background may have handed down that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        port = int(re.search(r":(\d+)/", process.stderr.readline())[1])
        client = Client(port).begin()
        until = time.monotonic() + 200
        while not client.json("GET", "/api/session")["models"] and time.monotonic() < until:
            time.sleep(0.1)
        client.send(b"a private photo")
        (folder,) = tmp_path.glob("unblur-web-*")
        assert list(folder.iterdir())
        process.send_signal(number)
        process.wait(100)
        while folder.exists() and time.monotonic() < until:
            time.sleep(0.1)
        assert not folder.exists()
        if number == signal.SIGINT:
            assert process.returncode == 130 and process.stderr.read() == "unblur: stopped\n"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
