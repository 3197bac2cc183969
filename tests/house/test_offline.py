"""Nothing needs a network, and nothing here could open a connection: done, and read.

Where Linux allows it (``unshare``), the commands run in a network namespace that has no way out and
whose kernel counts every attempt, of libraries in C too. Everywhere, a hook in every Python process
forbids sockets and writes down who wanted one.
"""

import ast
import importlib.util
import json
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "unblur"
NAMESPACE = ["unshare", "--map-root-user", "--net"]

NETWORKING = {
    *("socket", "socketserver", "ssl", "select", "selectors", "asyncio", "http", "urllib"),
    *("ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "nntplib", "xmlrpc", "webbrowser"),
    *("subprocess", "pty", "ctypes", "cffi"),
    *("requests", "httpx", "httpcore", "aiohttp", "urllib3", "websockets", "websocket", "tornado"),
    *("paramiko", "grpc", "zmq", "boto3", "botocore", "s3fs", "gcsfs", "adlfs", "fsspec", "dask"),
    *("distributed", "ray", "flwr", "lightning", "accelerate", "huggingface_hub", "transformers"),
    *("gradio", "streamlit", "wandb", "sentry_sdk", "starlette", "uvicorn", "fastapi", "flask"),
    *("multiprocessing.managers", "torch.hub", "torch.distributed", "torch.utils.model_zoo"),
}
"""Packages that open connections, and ways to start what could."""

HARMLESS = {"urllib.parse"}
ALLOWED = {
    "batch/cluster.py": {"dask"},  # asked for by --engine dask or --scheduler
    "batch/stores.py": {"fsspec"},  # asked for by a URL such as s3://bucket
    "web/": {"asyncio", "socket", "starlette", "uvicorn"},  # listens, on loopback; never calls
    "cli/serve.py": {"webbrowser"},  # shows the page
    "training/flower.py": {"flwr"},  # asked for by unblur federate; updates, never photos
    "training/flower_client.py": {"flwr"},
    "training/flower_net.py": {"flwr", "grpc"},
    "training/worker_pool.py": {"torch.distributed"},  # asked for by --processes; over loopback
    "foreign/": {"subprocess"},  # npm, asked for by unblur models add
    "evaluate/comparing/worker_pool.py": {"subprocess"},  # a process for each compared model
}
"""Who may import which of them, and what the user has to ask for."""

RUNS_TEXT = {"eval", "exec", "__import__"}


def networking_imports(text):
    """Return (line, module) of every import, also by name, of what opens connections."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else []
        elif isinstance(node, ast.Call):
            names = called(node)
        else:
            continue
        found += [(node.lineno, name) for name in names if opens_connections(name)]
    return found


def called(node):
    """Return what a call imports by a name in quotes; a call that hides it is named itself."""
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in ("import_module", "find_spec") and node.args:
        first = node.args[0]
        return [first.value] if isinstance(first, ast.Constant) else []
    of_os = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "os"
    if (of_os and name in ("system", "popen", "execv", "execvp", "spawnv", "posix_spawn")) or (
        isinstance(function, ast.Name) and name in RUNS_TEXT
    ):
        return ["subprocess"]
    return []


def opens_connections(name):
    if name in HARMLESS or any(name.startswith(f"{one}.") for one in HARMLESS):
        return False
    parts = name.split(".")
    above = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    if above & NETWORKING == {"urllib"} and parts[:2] == ["urllib"] and len(parts) == 1:
        return False  # what of it is imported stands beside it
    return bool(above & NETWORKING)


def allowed_in(module):
    return {
        package
        for place, packages in ALLOWED.items()
        if module == place or (place.endswith("/") and module.startswith(place))
        for package in packages
    }


MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_no_module_can_open_a_connection_but_those_that_are_asked_to(module):
    allowed = allowed_in(module)
    found = networking_imports((SOURCE / module).read_text("utf-8"))
    hidden = [
        (line, name)
        for line, name in found
        if not any(name == one or name.startswith(f"{one}.") for one in allowed)
    ]
    assert hidden == []


def test_who_is_allowed_makes_use_of_it():
    for place in ("batch/cluster.py", "batch/stores.py"):
        found = {name.split(".")[0] for _, name in networking_imports((SOURCE / place).read_text())}
        assert found == ALLOWED[place]


@pytest.mark.parametrize(
    "line",
    [
        "import socket",
        "import http.client as h",
        "from urllib import request",
        "from urllib.request import urlopen",
        "def f():\n    import requests",
        "import_module('httpx')",
        "importlib.import_module('urllib.request')",
        "from torch import hub",
        "import torch.distributed as dist",
        "from multiprocessing.managers import BaseManager",
        "os.system('curl x')",
        "__import__('socket')",
        "exec(text)",
        "from subprocess import run",
    ],
)
def test_the_scan_sees_every_way_to_import(line):
    assert networking_imports(line)


@pytest.mark.parametrize(
    "line", ["from urllib.parse import quote", "import torch", "from http_like import x", "re.eval"]
)
def test_the_scan_leaves_the_rest_alone(line):
    assert not networking_imports(line)


@lru_cache
def has_namespaces():
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def run_offline(folder, *options, isolated):
    """Run the program beside this file; return what it saw."""
    command = [sys.executable, str(ROOT / "tests" / "house" / "offline.py"), str(folder), *options]
    if isolated:
        command = [*NAMESPACE, *command, "--namespace"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_photos_folders_and_clips_are_restored_without_network(tmp_path):
    isolated = has_namespaces()
    seen = run_offline(tmp_path, isolated=isolated)
    assert seen["attempts"] == []
    assert not isolated or set(seen["kernel"].values()) == {0}
    # ONNX Runtime would write a number of this computer there before it sends it; nothing else
    # is kept about the user either.
    assert seen["home"] == []


def test_the_page_needs_loopback_only(tmp_path):
    isolated = has_namespaces() and shutil.which("ip") is not None
    if importlib.util.find_spec("unblur.web") is None:
        pytest.skip("this version has no page")
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    seen = run_offline(tmp_path, "--page", isolated=isolated)
    assert seen["attempts"] == []
    assert not isolated or seen["kernel"]["Ip:OutNoRoutes"] == 0
    assert seen["home"] == []


def test_an_attempt_is_noticed(tmp_path):
    seen = run_offline(tmp_path, "--probe", isolated=has_namespaces())
    assert [line.split()[0] for line in seen["attempts"]] == ["socket.getaddrinfo"]
    if seen["kernel"] is not None:
        assert seen["kernel"]["Ip:OutNoRoutes"] > 0
