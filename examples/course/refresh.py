"""Put the output and the pictures of the course's scripts into its chapters, in both languages.

Run: ``python examples/course/refresh.py [NAME ...]``, all of them if none is named.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHAPTERS = HERE.parents[1] / "docs" / "course"

NAMES = {
    "light": "01-light",
    "motion": "02-motion",
    "features": "03-features",
    "detector": "04-detector",
    "deconvolution": "05-deconvolution",
    "estimation": "06-estimation",
    "restoration": "07-restoration",
    "sequences": "08-sequences",
    "training": "09-training",
    "use": "10-use",
}
"""Each script and its chapter."""

OUTPUT = re.compile(
    r"(python examples/course/(\w+)\.py[^\n]*\n```.*?```text\n)(.*?)(^```)",
    re.DOTALL | re.MULTILINE,
)
"""A command of the course, and the block below it that tells what it prints."""


def main() -> None:
    """Run the scripts that are named and write what they print."""
    for name in sys.argv[1:] or NAMES:
        command = [sys.executable, str(HERE / f"{name}.py"), str(CHAPTERS / "pictures")]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for language in ("", ".zh"):
            page = CHAPTERS / f"{NAMES[name]}{language}.md"
            old = page.read_text("utf-8")
            new = OUTPUT.sub(lambda m, told=printed: m[1] + told + m[4], old)
            page.write_text(new, "utf-8")
        print(f"{name}:\n{printed}")


if __name__ == "__main__":
    main()
