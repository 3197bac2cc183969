"""Exit 0 if the page on this machine is well, by whichever scheme it speaks: python health.py PORT.

Its certificate is made out to its name, not to 127.0.0.1, so it is not looked at.
"""

import contextlib
import ssl
import sys
import urllib.request

_SECONDS = 4


def is_well(port: int) -> bool:
    """Return whether a server answers, and can do its work."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # No proxy of the environment: this asks the own machine only.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    for scheme in ("http", "https"):
        with contextlib.suppress(OSError, ValueError):
            address = f"{scheme}://127.0.0.1:{port}/health"
            with opener.open(address, timeout=_SECONDS) as answer:
                return bool(answer.status == 200)
    return False


if __name__ == "__main__":
    sys.exit(0 if is_well(int(sys.argv[1])) else 1)
