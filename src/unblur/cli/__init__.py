"""The command line: parses, calls, prints, exits. Nothing else in the package prints."""

from __future__ import annotations

from unblur.cli.app import main

__all__ = ["main"]
