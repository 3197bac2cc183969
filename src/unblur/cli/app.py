"""The ``unblur`` command: a group whose default is ``restore``."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from unblur import __version__
from unblur.cli.say import say
from unblur.errors import OutputError, UnblurError

_COMMANDS = {
    "restore": "Take the motion blur out of photos, or of folders of them.",
    "detect": "Tell which photos are sharp, moved or out of focus.",
    "inspect": "Show how the camera moved in a photo.",
    "video": "Take the motion blur out of a clip.",
    "burst": "Restore one of several photos taken in a row.",
    "serve": "Open a page on this computer: drop photos, compare, save.",
    "synth": "Blur sharp photos realistically, for training and tests.",
    "train": "Train a network; resumable at any time.",
    "export": "Export the weights of a training run.",
    "audit": "Try to tell which photos a run was trained on.",
    "federate": "Train across machines that keep their photos.",
    "evaluate": "Score models on a data set.",
    "evaluate-clips": "Score frame models on clips made from sharp photos.",
    "compare": "Compare models on a data set.",
    "tune": "Search the settings that serve a data set best.",
    "models": "List, describe, add and remove models.",
}
"""What each does, in a line. Told here, so that listing the commands imports none of them."""


class _Group(click.Group):
    """Loads a command when it is asked for; takes ``unblur FILE`` as ``unblur restore FILE``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"unblur.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

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
