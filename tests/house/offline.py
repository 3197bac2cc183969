"""Run as a program: everything people do with photos, each command watched for network.

``python offline.py FOLDER``: FOLDER gets the results; what was attempted is printed as JSON. With
``--probe`` something is attempted on purpose, to show that it would be noticed; with ``--page`` the
page is served and used over loopback, where this installation has it.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
NOWHERE = ("192.0.2.1", 80)  # an address that is reserved for documents (RFC 5737)

HOOK = """
import os, socket, sys

def watch(event, args):
    if not event.startswith(("socket.", "http.client.", "urllib.", "ftplib.", "smtplib.")):
        return
    if event == "socket.__new__" and args[1] == getattr(socket, "AF_UNIX", None):
        return
    if "UNBLUR_LOOPBACK" in os.environ:
        if event in ("socket.__new__", "http.client.connect", "http.client.send"):
            return
        if any(isinstance(a, tuple) and a[0] == "127.0.0.1" for a in args):
            return
        if event == "socket.getaddrinfo" and args[0] == "127.0.0.1":
            return
    with open(os.environ["UNBLUR_ATTEMPTS"], "a") as stream:
        stream.write(f"{event} {args[1:]} of {sys.argv}\\n")
    raise PermissionError(f"{event}: there is no network here")

sys.addaudithook(watch)
"""
"""Goes into every Python process, workers too, as ``sitecustomize``."""


def main() -> None:
    """Do everything and print what was attempted."""
    folder = Path(sys.argv[1])
    begin(folder)
    if "--probe" in sys.argv:
        probe(folder)
    elif "--page" in sys.argv:
        page(folder)
    else:
        work(folder)
    attempts = folder / "attempts"
    told = attempts.read_text().splitlines() if attempts.exists() else []
    home = sorted(path.name for path in (folder / "home").iterdir())
    print(json.dumps({"attempts": told, "kernel": kernel_counts(), "home": home}))


def begin(folder: Path) -> None:
    """Make photos, and put the hook where every Python process finds it."""
    for name in ("album", "frames", "hook", "home"):
        (folder / name).mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    with Image.open(ROOT / "examples" / "photos" / "rocks-shaken.jpg") as image:
        image.crop((180, 120, 300, 220)).save(folder / "album" / "a.jpg", quality=90)
        image.crop((190, 120, 310, 220)).save(folder / "album" / "b.jpg", quality=90)
        for number in range(2):
            image.crop((number, 0, 128 + number, 112)).save(folder / "frames" / f"{number}.png")
    path = [str(folder / "hook"), str(ROOT / "src"), str(ROOT)]
    # Nothing else is taken over: libraries keep quiet where they see that tests are running.
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    os.environ["UNBLUR_ATTEMPTS"] = str(folder / "attempts")
    os.environ["HOME"] = str(folder / "home")


def work(folder: Path) -> None:
    """The commands, each in a process of its own, as people call them."""
    album, out = str(folder / "album"), str(folder / "out")
    unblur("restore", album, "-o", out, "--workers", "2", "--resume", "--model", "wiener")
    unblur("restore", str(folder / "album" / "a.jpg"), "--strip-location")
    unblur("detect", album, "--workers", "2", "--map", str(folder / "maps"))
    unblur("video", str(folder / "frames"), "-o", str(folder / "clean"), "--model", "photo")
    unblur("models", "list")
    for made in ("out/a.jpg", "out/b.jpg", "album/a.unblurred.jpg", "clean/1.png"):
        assert (folder / made).is_file(), made


def unblur(*arguments: str) -> None:
    """Run one command."""
    subprocess.run([sys.executable, "-m", "unblur", *arguments], check=True, stdout=sys.stderr)


def page(folder: Path) -> None:
    """Serve the page to a client of its own over loopback, and restore a photo with it."""
    if "--namespace" in sys.argv:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.environ["UNBLUR_LOOPBACK"] = "1"
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.web.serving import Client, running\n"
        "from unblur.web.settings import Settings\n"
        "if __name__ == '__main__':\n"
        "    with running(Settings()) as (port, _):\n"
        "        client = Client(port).begin()\n"
        "        assert client.ask('GET', '/')[0] == 200\n"
        "        job = client.restore(Path(sys.argv[1]).read_bytes())\n"
        "        assert job['state'] == 'done', job\n"
        "        assert len(client.take(job)[1]) > 1000\n"
    )
    (folder / "page.py").write_text(code)
    command = [sys.executable, str(folder / "page.py"), str(folder / "album" / "a.jpg")]
    subprocess.run(command, check=True)


def probe(folder: Path) -> None:
    """Attempt what must be noticed: from Python, and past every hook of Python's."""
    code = f"import socket\nsocket.create_connection({NOWHERE!r}, 1)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode
    try:
        socket.create_connection(NOWHERE, 0.2)  # this process has no hook, as a library in C
    except OSError:
        return


def kernel_counts() -> dict[str, int] | None:
    """Return what the kernel counted in this network namespace; None if it is the machine's."""
    if "--namespace" not in sys.argv:
        return None
    counts = {}
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()]
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        counts |= {names[0] + n: int(v) for n, v in zip(names[1:], values[1:], strict=True)}
    wanted = ("Ip:OutRequests", "Ip:OutNoRoutes", "Tcp:ActiveOpens", "Udp:OutDatagrams")
    return {name: counts[name] for name in wanted}


if __name__ == "__main__":
    main()
