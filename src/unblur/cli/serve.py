"""``unblur serve``: the local page and its HTTP API."""

from __future__ import annotations

import os
from pathlib import Path

import click

from unblur.cli.options import device_option
from unblur.cli.say import say
from unblur.runtime import Device, Runtime

_ENVIRONMENT = "UNBLUR_PASSWORD"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Others need a password.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Default: 8765, or the next that is free; 0 lets the system choose.",
)
@click.option("--open/--no-open", "opened", default=True, help="Open the page in the browser.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Its first line is the password; or set {_ENVIRONMENT}. There is no user name.",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="ADDRESS",
    help="A proxy, or its network, that tells true addresses of clients; repeatable.",
)
@click.option(
    "--root-path",
    default="",
    metavar="PATH",
    help="Where a proxy puts the page, as /photos, if it sends that along.",
)
@click.option("--name", "names", multiple=True, help="A host name of this server; repeatable.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes, each with one photo at a time.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Of each; default: all processors.")
@device_option
@click.option(
    "--max-megapixels",
    type=click.FloatRange(0.01, 178),
    default=96.0,
    show_default=True,
    help="Refuse larger photos.",
)
@click.option(
    "--max-upload-mb",
    type=click.FloatRange(min=0.01),
    default=200.0,
    show_default=True,
    help="Refuse larger files.",
)
@click.option(
    "--max-stored-gb",
    type=click.FloatRange(min=0.01),
    default=8.0,
    show_default=True,
    help="Of all uploads and results together.",
)
@click.option(
    "--max-clip-seconds",
    type=click.FloatRange(min=0.1),
    default=15.0,
    show_default=True,
    help="Refuse longer clips.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=600.0,
    show_default=True,
    help="Seconds that a photo may take; clips three times as long.",
)
@click.option(
    "--max-memory-gb",
    type=click.FloatRange(min=0.5),
    help="Of each worker process. Default: 8, or three quarters of this computer's if less.",
)
@click.option(
    "--idle-minutes",
    type=click.FloatRange(min=0.1),
    default=15.0,
    show_default=True,
    help="Remove files whose page was closed so long ago.",
)
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False), help="For HTTPS.")
@click.option("--key", type=click.Path(exists=True, dir_okay=False), help="Its private key.")
def serve(
    host: str,
    port: int | None,
    opened: bool,
    password_file: Path | None,
    trusted_proxies: tuple[str, ...],
    root_path: str,
    names: tuple[str, ...],
    workers: int,
    threads: int | None,
    device: Device,
    max_megapixels: float,
    max_upload_mb: float,
    max_stored_gb: float,
    max_clip_seconds: float,
    timeout: float,
    max_memory_gb: float | None,
    idle_minutes: float,
    certificate: str | None,
    key: str | None,
) -> None:
    """Open a page on this computer: drop photos, compare, download.

    Nothing is sent anywhere: the page talks to this program only, which listens on this
    computer only, and forgets everything when it ends (Ctrl-C). The same address has an HTTP
    API, described at /api/openapi.json.
    """
    from unblur.web.settings import Limits, Settings, default_memory_bytes

    memory = default_memory_bytes() if max_memory_gb is None else int(max_memory_gb * 1e9)
    settings = Settings(
        host=host,
        port=8765 if port is None else port,
        password=_password(password_file),
        names=names,
        workers=workers,
        runtime=Runtime(threads, device),
        certificate=certificate,
        key=key,
        trusted_proxies=trusted_proxies,
        root_path=root_path.rstrip("/"),
        limits=Limits(
            upload_bytes=int(max_upload_mb * 1e6),
            stored_bytes=int(max_stored_gb * 1e9),
            pixels=int(max_megapixels * 1e6),
            clip_seconds=max_clip_seconds,
            job_seconds=timeout,
            memory_bytes=memory,
            idle_seconds=idle_minutes * 60,
        ),
    )
    try:
        from unblur.web.server import listen
        from unblur.web.server import serve as run
    except ImportError as error:
        from unblur.errors import MissingExtra

        raise MissingExtra(error.name or "starlette", "web", "the page") from error
    listener = listen(settings.host, settings.port, exact=port is not None)
    shown = f"[{host}]" if ":" in host else host
    address = f"{settings.scheme}://{shown}:{listener.getsockname()[1]}/"
    say(f"unblur: the page is at {address} (Ctrl-C ends it)", err=True)
    if opened:
        import webbrowser

        webbrowser.open(address)
    run(settings, listener)


def _password(path: Path | None) -> str | None:
    if path is None:
        return os.environ.get(_ENVIRONMENT) or None
    from unblur.errors import BadValue
    from unblur.files import check_regular

    try:
        check_regular(path)
        mode = path.stat().st_mode
        password = path.read_text("utf-8").splitlines()[0].strip()
    except (OSError, ValueError, IndexError) as error:
        raise BadValue(f"cannot read a password from {path}; write it there") from error
    if os.name == "posix" and mode & 0o027:
        say(
            f"unblur: others on this computer may read or change {path} "
            f"(mode {mode & 0o777:o}); run: chmod 600 {path}",
            err=True,
        )
    return password
