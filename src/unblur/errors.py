"""Every error the package raises on purpose, and how the outside world sees it.

The tree::

    UnblurError                 exit 1   http 500
      InputError                exit 3   http 400   something given to us cannot be used
        UnreadableImage                             no such file, truncated, not an image
        UnsupportedImage                            an image, but of a kind that is not handled
        ImageTooLarge                    http 413   more pixels than the limit allows
        BadPsf                                      a PSF that is even-sized, negative, empty ...
        ShapeMismatch                               two arrays that should agree do not
        BadValue                                    an option or array value out of its range
      NothingFound              exit 7   http 400   folders without a single photo
      ModelError                exit 4   http 400   a network cannot be used
        UnknownModel
        CorruptWeights
        SpecMismatch
      EngineError               exit 5   http 500   the machinery below is missing or failed
        MissingExtra
        NoSuchDevice                                a device that was asked for is not there
        EngineFailed
      OutputError               exit 6   http 500   a result cannot be written
        WouldOverwrite                   http 409
        CannotWrite
        CannotListen                                the local page's port is taken or not ours
      RequestError              exit 3   http 400   the local page's server refuses a request
        TooLarge                         http 413   more bytes than one upload may have
        TooSlow                          http 408   the client let us wait too long
        NotSent                                     the upload broke off, or was empty
        NoToken                          http 403   without the token that a session needs
        NotFound                         http 404   no such upload or job, or it is gone
        Full                             http 503   as much, or as many, as the server may hold
        TooMany                          http 429   more at a time than one client may have
        WrongType                        http 415   a form, or packed, where plain bytes are taken
        DiskFull                         http 507   the disk that files are kept on is full

A message says what was got, what was expected, and what to do. ``exit_code`` and
``http_status`` are read by the command line and by the web page; nothing else maps errors.
"""

from __future__ import annotations

import errno
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
"""What systems say of a full disk and of a full quota; Windows has no quotas of this kind."""


_FIRST, _LAST = 1000, 400
"""Characters of a message that are kept of one that is too long: what is wrong, and what to do."""


class UnblurError(Exception):
    """Base of all errors raised on purpose by this package.

    Args:
        message: becomes one line, and is cut in its middle if it is too long, for it may hold what
            a file says that anybody has written.
    """

    exit_code = 1
    http_status = 500

    def __init__(self, message: str = "") -> None:
        line = " ".join(message.splitlines())
        if len(line) > _FIRST + _LAST:
            line = f"{line[:_FIRST]} ... {line[-_LAST:]}"
        super().__init__(line)


class InputError(UnblurError):
    """Something given by the caller cannot be used."""

    exit_code = 3
    http_status = 400


class UnreadableImage(InputError):
    """The file is missing, empty, truncated or not an image."""


class UnsupportedImage(InputError):
    """The file is an image, but of a kind that is not handled."""


class ImageTooLarge(InputError):
    """The image has more pixels than the limit allows."""

    http_status = 413


class BadPsf(InputError):
    """An array or file cannot be a point-spread function."""


class ShapeMismatch(InputError):
    """Two arrays that should agree in shape do not."""


class BadValue(InputError):
    """An option or an array holds a value outside its range."""


class NothingFound(UnblurError):
    """What was named holds no photo at all."""

    exit_code = 7
    http_status = 400


class ModelError(UnblurError):
    """A network cannot be found, read or trusted."""

    exit_code = 4
    http_status = 400


class UnknownModel(ModelError):
    """No model has this name."""


class CorruptWeights(ModelError):
    """A weights file is damaged or carries no specification."""


class SpecMismatch(ModelError):
    """A weights file does not fit the job it is asked to do."""


class EngineError(UnblurError):
    """The machinery that runs a network is missing or failed."""

    exit_code = 5


class MissingExtra(EngineError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed; "
            f"run: pip install 'unblur[{extra}]'"
        )
        self._given = (package, extra, purpose)

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str, str]]:
        """Let it travel between processes, which an exception does by what it was made of."""
        return type(self), self._given


class NoSuchDevice(EngineError):
    """A device or provider that was asked for is not there."""


class EngineFailed(EngineError):
    """The inference engine raised an error while running."""


class OutputError(UnblurError):
    """A result cannot be written."""

    exit_code = 6


class WouldOverwrite(OutputError):
    """The output exists already, or two inputs would write the same file."""

    http_status = 409


class CannotWrite(OutputError):
    """The output could not be written: no space, no permission, no such folder."""


class CannotListen(OutputError):
    """The local page's address cannot be had: the port is taken, or not ours."""


class RequestError(UnblurError):
    """A request that the local page's server refuses."""

    exit_code = 3
    http_status = 400


class TooLarge(RequestError):
    """More bytes than one upload may have."""

    http_status = 413


class TooSlow(RequestError):
    """The client let us wait too long."""

    http_status = 408


class NotSent(RequestError):
    """The upload broke off, or was empty."""


class NoToken(RequestError):
    """A request without the token that a session needs."""

    http_status = 403


class NotFound(RequestError):
    """No such upload or job, or it is gone."""

    http_status = 404


class Full(RequestError):
    """The server holds as much, or as many, as it may."""

    http_status = 503


class TooMany(RequestError):
    """More at a time than one client may have."""

    http_status = 429


class WrongType(RequestError):
    """A body of a kind that is not taken: a form, or a packed one."""

    http_status = 415


class DiskFull(RequestError):
    """The disk that uploads and results are kept on is full."""

    http_status = 507

    def __init__(self) -> None:
        super().__init__(
            "the disk that the server keeps files on is full; remove some, or wait, and try again"
        )


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether an error, or what caused it, is that a disk or a quota is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__ or error.__context__
    return False


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that lists the known names, the nearest first.

    Example:
        >>> nearest("wiene", ["wiener", "unblur"])
        "did you mean 'wiener'? known: unblur, wiener"
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known: {', '.join(names)}"
