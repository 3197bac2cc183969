"""The ``unblur`` command: a group whose default is ``restore``."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from unblur import __version__
from unblur.cli.say import say
from unblur.errors import OutputError, UnblurError

_COMMANDS = {
    "restore": "unblur.cli.restore",
    "detect": "unblur.cli.detect",
    "inspect": "unblur.cli.inspect",
    "video": "unblur.cli.video",
    "burst": "unblur.cli.burst",
    "serve": "unblur.cli.serve",
    "synth": "unblur.cli.synth",
    "train": "unblur.cli.train",
    "export": "unblur.cli.export",
    "audit": "unblur.cli.audit",
    "federate": "unblur.cli.federate",
    "evaluate": "unblur.cli.evaluate",
    "evaluate-clips": "unblur.cli.evaluate_clips",
    "compare": "unblur.cli.compare",
    "tune": "unblur.cli.tune",
    "models": "unblur.cli.models",
}


class _Group(click.Group):
    """Loads a command when it is asked for; takes ``unblur FILE`` as ``unblur restore FILE``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(_COMMANDS[cmd_name]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in _COMMANDS and args[0] not in ("--help", "-h", "--version"):
            args = ["restore", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except UnblurError as error:
            say(f"unblur: {error}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            say("unblur: stopped", err=True)
            sys.exit(130)
        except BrokenPipeError:  # whoever reads has seen enough; click ends quietly
            raise
        except OSError as error:  # of standard output, as all else that can fail is ours
            say(f"unblur: {error.strerror or error}", err=True)
            sys.exit(OutputError.exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="unblur")
def main() -> None:
    """Take the motion blur out of photos, on this computer.

    \b
    unblur photo.jpg              writes photo.unblurred.jpg beside it
    unblur photos/ -o restored/   a whole folder, its tree kept

    Nothing is sent anywhere but to a store or cluster that you name. Exit codes: 0 done,
    2 wrong usage, 3 bad input, 4 model, 5 engine, 6 output, 7 no photos found, 130 stopped,
    1 anything else.
    """
