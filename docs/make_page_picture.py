"""Draw the picture of the page: ``python docs/make_page_picture.py`` (extra ``web``, playwright,
chromium). It starts a server of its own, gives it the example photos, and keeps what is seen.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
PHOTOS = HERE.parent / "examples" / "photos"
NAMES = ("colosseum-shaken.jpg", "rocks-shaken.jpg", "piazza-rolled.jpg", "astronaut-sharp.jpg")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SIZE = {"width": 1180, "height": 760}


def settled(page: Page) -> None:
    """Wait until all photos are done."""
    page.wait_for_selector("#stage[data-ready]")
    page.wait_for_selector(f"#film li:nth-child({len(NAMES)})[data-kind=sharp]")
    page.wait_for_selector(f"#film li[data-kind=restored] >> nth={len(NAMES) - 2}")
    page.wait_for_timeout(300)


def main() -> None:
    """Make ``docs/pictures/page.jpg``."""
    command = [sys.executable, "-m", "unblur", "serve", "--no-open", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    address = re.search(r"http://\S+", server.stderr.readline())
    assert address is not None
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=FLAGS
            )
            context = browser.new_context(viewport=SIZE, color_scheme="dark", locale="en")
            page = context.new_page()
            page.set_default_timeout(300_000)
            page.goto(address[0])
            page.wait_for_selector("html[data-ready]")
            page.set_input_files("#files", [str(PHOTOS / name) for name in NAMES])
            settled(page)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            picture.save(HERE / "pictures" / "page.jpg", quality=88, optimize=True)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
