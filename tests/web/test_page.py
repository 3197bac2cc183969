"""The page in a real browser, from the drop to the download; nothing may leave the machine."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.web.proxying import proxied
from tests.web.serving import ROOT
from unblur.io import read_photo
from unblur.web.results import blend

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright to drive a browser")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("needs the program chromium", allow_module_level=True)

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync"),
]
DONE = "#film li[data-kind=restored]"
HEIC = ROOT / "tests" / "io" / "data" / "turned.heic"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Watched:
    """A page of which everything that it asks for, says and breaks is recorded."""

    def __init__(self, context, address):
        self.requests, self.errors = [], []
        self.page = context.new_page()
        self.page.set_default_timeout(200_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._said)
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]")

    def _said(self, message):
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def give(self, *files):
        """Choose (name, bytes) as files."""
        self.page.set_input_files(
            "#files",
            [{"name": name, "mimeType": _kind(name), "buffer": data} for name, data in files],
        )

    def ready(self):
        """Wait for a result on the stage and return its job."""
        self.page.wait_for_selector("#stage[data-ready]")
        return self.page.get_attribute("#stage", "data-ready")

    def take(self, selector="#download"):
        """Click and return (name, bytes) of what is saved."""
        with self.page.expect_download() as download:
            self.page.click(selector)
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def check(self, address):
        assert self.errors == []
        assert self.requests
        outside = [u for u in self.requests if not u.startswith((address, "blob:" + address[:-1]))]
        assert outside == []


def _kind(name):
    suffix = name.rsplit(".", 1)[-1].lower()
    return {"jpg": "image/jpeg", "png": "image/png"}.get(suffix, "application/octet-stream")


@contextlib.contextmanager
def opened(browser, server):
    """Open a page on the server; at the end nothing was wrong and nothing left the machine."""
    address = f"http://127.0.0.1:{server[0]}/"
    context = browser.new_context(accept_downloads=True, viewport={"width": 1200, "height": 800})
    context.add_init_script("localStorage.setItem('language', 'en')")
    page = Watched(context, address)
    yield page
    page.check(address)
    context.close()


@pytest.fixture
def watched(browser, server):
    """A page of a test's own."""
    with opened(browser, server) as page:
        yield page


@pytest.fixture(scope="module")
def large(browser, server, encoded):
    """A page with a restored photo of 320 x 240 px, and the photo's file, for all who look on."""
    data = encoded("PNG", large=True)
    with opened(browser, server) as page:
        page.give(("a.png", data))
        page.ready()
        yield page, data


def drag(page, selector, start, end):
    """Drag with the mouse between two points, given as shares of an element's box."""
    box = page.locator(selector).bounding_box()
    (x0, y0), (x1, y1) = (
        (box["x"] + fx * box["width"], box["y"] + fy * box["height"]) for fx, fy in (start, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    page.mouse.move(x1, y1)
    page.mouse.up()


def style(page, name):
    text = page.eval_on_selector("#stage", f"stage => stage.style.getPropertyValue('{name}')")
    return float(text.removesuffix("px"))


def test_a_large_photo_has_a_preview_while_it_is_restored(watched):
    page = watched.page
    with Image.open(ROOT / "examples" / "photos" / "rocks-shaken.jpg") as photo:
        large = photo.convert("RGB").resize((1900, 1200), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    large.save(buffer, "JPEG", quality=92)
    watched.give(("large.jpg", buffer.getvalue()))
    page.wait_for_selector("#stage[data-preview]")
    job = page.get_attribute("#stage", "data-preview")
    assert page.get_attribute("#stage", "data-ready") != job  # it is not done yet
    assert page.is_visible("#busy")
    assert "preview" in page.inner_text("#stagename")
    page.click("#cancel")  # what follows has tests of its own
    page.wait_for_selector("#busy", state="hidden")


def test_jpeg_from_drop_to_download(watched, encoded):
    page = watched.page
    exif = Image.Exif()
    exif[271] = "Camera"
    data = encoded(exif=exif.tobytes())
    # Dropped, not chosen: the very event a file manager sends.
    transfer = page.evaluate_handle(
        """bytes => { const t = new DataTransfer();
        t.items.add(new File([new Uint8Array(bytes)], 'IMG_7.JPG', {type: 'image/jpeg'}));
        return t; }""",
        list(data),
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
    assert page.is_visible("#dropping")
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    watched.ready()
    assert re.match(r"Motion of \d+ px undone", page.inner_text("#verdict strong"))
    assert "IMG_7.JPG: Motion of" in page.text_content("#live")
    assert page.is_hidden("#dropping") and page.is_hidden("#busy")
    # The divider, by keyboard and by mouse.
    before = style(page, "--cut")
    page.focus("#split")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert style(page, "--cut") > before
    drag(
        page,
        "#stage",
        (style(page, "--cut") / page.locator("#stage").bounding_box()["width"], 0.5),
        (0.2, 0.5),
    )
    assert style(page, "--cut") < before
    # The strength, and the download by the same arithmetic.
    page.fill("#strength", "40")
    assert page.inner_text("#strengthshown") == "40 %"
    name, taken = watched.take()
    assert name == "IMG_7.unblurred.JPG" and b"Camera" in read_photo(taken).metadata.exif
    page.fill("#strength", "0")
    assert watched.take()[1] == data


def test_what_is_shown_is_what_is_taken(large):
    watched, data = large
    page = watched.page
    page.fill("#strength", "40")
    page.click("#full")
    page.fill("#split", "0")
    _, taken = watched.take()
    taken = read_photo(taken).samples
    x, y = round(style(page, "--x")), round(style(page, "--y"))
    screen = np.asarray(Image.open(io.BytesIO(page.locator("#stage").screenshot())).convert("RGB"))
    shown = screen[y + 60 : y + 220, x + 30 : x + 130].astype(int)
    wanted = taken[60:220, 30:130]
    if style(page, "--x") != x:  # half a pixel: the browser interpolates
        wanted = wanted[:, :0]
        shown = shown[:, :0]
    assert np.abs(shown - wanted).max(initial=0) <= 2
    full = read_photo(watched_result(page, 1.0)).samples
    assert (taken == blend(read_photo(data).samples, full, 0.4)).all()


def watched_result(page, strength):
    job = page.get_attribute("#stage", "data-ready")
    address = page.url + f"api/jobs/{job}/result?strength={strength}"
    return page.request.get(address).body()


def test_zoom_and_pan_move_both_sides_together(large):
    page = large[0].page
    for _ in range(12):
        page.click("#in")
    assert style(page, "--s") == 4 and page.inner_text("#zoom") == "400 %"
    boxes = [page.locator(f"#{side} img").bounding_box() for side in ("before", "after")]
    assert boxes[0] == boxes[1] and boxes[0]["width"] == pytest.approx(1280)
    x = style(page, "--x")
    drag(page, "#stage", (0.3, 0.2), (0.2, 0.2))
    moved = [page.locator(f"#{side} img").bounding_box() for side in ("before", "after")]
    assert moved[0] == moved[1] and style(page, "--x") < x
    page.focus("#stage")
    page.keyboard.press("ArrowLeft")
    assert style(page, "--x") > x - 120
    page.keyboard.press("0")
    assert style(page, "--s") < 4
    page.mouse.wheel(0, -300)
    page.keyboard.down("b")
    assert page.is_hidden("#after")
    page.keyboard.up("b")
    assert page.is_visible("#after")


def test_png_of_16_bits(watched, deep_png):
    watched.give(("deep.png", deep_png))
    watched.ready()
    name, data = watched.take()
    photo = read_photo(data)
    assert name == "deep.unblurred.png" and photo.samples.dtype == np.uint16
    assert len(np.unique(photo.samples % 257)) > 100


def test_heic(watched):
    pytest.importorskip("pi_heif")
    watched.give(("phone.heic", HEIC.read_bytes()))
    watched.ready()
    name, data = watched.take()
    assert name == "phone.unblurred.jpg" and data.startswith(b"\xff\xd8")
    assert watched.page.locator("#film img[src]").count() == 1


def test_turned_by_exif(watched, shaken, encoded):
    exif = Image.Exif()
    exif[274] = 6
    watched.give(("turned.jpg", encoded(exif=exif.tobytes())))
    watched.ready()
    page = watched.page
    assert page.eval_on_selector("#after img", "i => [i.naturalWidth, i.naturalHeight]") == [
        120,
        160,
    ]
    box = page.locator("#before img").bounding_box()
    assert box["height"] > box["width"]
    photo = read_photo(watched.take()[1])
    assert photo.samples.shape == (160, 120, 3)


def test_12_megapixels(watched, sharp_jpeg):
    with Image.open(io.BytesIO(sharp_jpeg)) as piece:
        tile = np.asarray(piece.convert("RGB"))
    stream = io.BytesIO()
    Image.fromarray(np.tile(tile, (6, 8, 1))[:3000, :4000]).save(stream, "JPEG", quality=90)
    watched.give(("large.jpg", stream.getvalue()))
    page = watched.page
    page.wait_for_selector("#busy progress")
    first = watched.ready()
    assert page.inner_text("#verdict strong") == "This photo is already sharp"
    # A motion of one's own, in a small place: a restoration of few tiles.
    page.click("#again summary")
    # Networks hardly follow a motion that the photo did not make.
    page.select_option("#model", "wiener")
    page.click("#drawpsf")
    page.click("#padline")
    page.click("#paduse")
    page.wait_for_selector("#psfname:has-text('your drawing')")
    page.click("[data-tool=box]")
    for side, value in enumerate((2000, 1500, 200, 100)):
        page.fill(f"[data-side='{side}']", str(value))
    page.keyboard.press("Tab")
    page.click("#restore")
    page.wait_for_selector(f"#stage[data-ready]:not([data-ready='{first}'])")
    size = page.eval_on_selector("#after img", "i => [i.naturalWidth, i.naturalHeight]")
    assert size == [4000, 3000]
    page.click("#full")
    assert style(page, "--s") == 1
    page.fill("#split", "20")
    taken = read_photo(watched.take()[1]).samples.astype(int)
    changed = np.abs(taken - read_photo(stream.getvalue()).samples).mean(axis=2)
    assert changed[1500:1600, 2000:2200].mean() > 5 > changed[:1400].mean()


def test_sharp_and_wrong_files_are_told_plainly(watched, sharp_jpeg, encoded):
    page = watched.page
    watched.give(("sharp.jpg", sharp_jpeg), ("notes.txt", b"not a photo"), ("empty.jpg", b""))
    page.wait_for_selector("#film li[data-kind=sharp]")
    page.wait_for_selector("#film li[data-kind=failed] >> nth=1")
    assert page.inner_text("#verdict strong") == "This photo is already sharp"
    assert watched.take()[1] == sharp_jpeg
    page.click("#film li:nth-child(2) button")
    assert "not a photo that can be read" in page.inner_text("#verdict")
    assert page.get_attribute("#download", "href") is None
    page.click("#language")
    assert "不是可读取的照片" in page.inner_text("#verdict")
    assert page.get_attribute("html", "lang") == "zh-CN"
    page.click("#clear")
    assert page.is_visible("#empty") and "拍糊的照片" in page.inner_text("#empty")


def test_many_in_a_zip_and_removed(watched, encoded):
    page = watched.page
    watched.give(("a.jpg", encoded()), ("b.png", encoded("PNG")))
    page.wait_for_selector(f"{DONE} >> nth=1")
    name, data = watched.take("#zip")
    assert name == "unblurred.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["a.unblurred.jpg", "b.unblurred.png"]
    page.hover("#film li:nth-child(1)")
    page.click("#film li:nth-child(1) .gone")
    assert page.locator("#film li").count() == 1
    page.reload()
    page.wait_for_selector(DONE)
    assert page.inner_text("#film .name") == "b.png"


def test_box_brush_and_drawn_motion(watched, encoded):
    page = watched.page
    data = encoded("PNG")
    blurry = read_photo(data).samples
    watched.give(("a.png", data))
    first = watched.ready()
    page.click("#again summary")
    page.click("#drawpsf")
    page.fill("#padlength", "12")
    page.click("#padline")
    drag(page, "#padcanvas", (0.4, 0.5), (0.6, 0.5))
    page.click("#paduse")
    page.wait_for_selector("#psfname:has-text('your drawing')")
    page.click("[data-tool=box]")
    drag(page, "#stage", (0.4, 0.2), (0.6, 0.4))
    x, y, width, height = (int(page.input_value(f"[data-side='{n}']")) for n in range(4))
    assert width > 15 and height > 10
    page.click("#restore")
    page.wait_for_selector(f"#stage[data-ready]:not([data-ready='{first}'])")
    moved = (read_photo(watched.take()[1]).samples != blurry).any(axis=2)
    assert moved[y : y + height, x : x + width].mean() > 0.3
    moved[y : y + height, x : x + width] = False
    assert not moved.any()
    second = page.get_attribute("#stage", "data-ready")
    page.click("[data-tool=brush]")
    drag(page, "#stage", (0.35, 0.2), (0.45, 0.2))
    page.click("#restore")
    page.wait_for_selector(f"#stage[data-ready]:not([data-ready='{second}'])")
    moved = (read_photo(watched.take()[1]).samples != blurry).any(axis=2)
    assert moved[:60].any() and not moved[80:].any()


def test_light_is_chosen_and_told_in_both_languages(watched, encoded):
    page = watched.page
    watched.give(("a.png", encoded("PNG")))
    first = watched.ready()
    page.click("#facts summary")
    assert re.search(r"Light\s+(sRGB, assumed|\w+, estimated, \d+ %)", page.inner_text("#facts"))
    page.click("#again summary")
    page.select_option("#tone", "linear")
    page.click("#restore")
    page.wait_for_selector(f"#stage[data-ready]:not([data-ready='{first}'])")
    assert re.search(r"Light\s+linear, chosen by you", page.inner_text("#facts"))
    assert page.input_value("#tone") == "linear"
    page.click("#language")
    assert re.search(r"光线编码\s+线性，由你指定", page.inner_text("#facts"))
    assert page.inner_text("#tone option[value=linear]") == "线性"


def test_a_layer_is_switched_and_clicking_what_moved_restores_it_alone(watched):
    page = watched.page
    data = Path(__file__).with_name("moved-object.png").read_bytes()
    blurry = read_photo(data).samples
    watched.give(("scene.png", data))
    first = watched.ready()
    page.click("#showlayers")
    page.wait_for_selector("#layers[data-ready]")
    told = page.get_attribute("#layers", "data-ready")
    rows = page.locator("#layerlist li")
    kinds = [row.get_attribute("data-kind") for row in rows.all()]
    assert kinds == ["still", "object"]
    assert re.search(
        r"moved by itself: \d+\.\d px at \d+°, \d+ % of the photo", rows.nth(1).inner_text()
    )
    covered = "canvas => canvas.getContext('2d').getImageData(132, 167, 1, 1).data[3]"
    assert page.eval_on_selector("#layers canvas", covered) > 100
    rows.nth(1).locator("input").uncheck()
    assert page.eval_on_selector("#layers canvas", covered) == 0
    at_object = click_in_photo(page, 132, 167)
    page.mouse.click(*at_object)  # nothing is there now
    assert "no motion here" in page.inner_text("#legend")
    rows.nth(1).locator("input").check()
    page.mouse.click(*at_object)
    page.wait_for_selector(f"#stage[data-ready]:not([data-ready='{first}'])")
    assert page.is_hidden("#layers") and page.is_hidden("#layerlist")
    change = np.abs(read_photo(watched.take()[1]).samples.astype(int) - blurry).max(axis=2)
    numbers = page.request.get(page.url + f"api/jobs/{told}/layers").body()
    still = np.asarray(Image.open(io.BytesIO(numbers))) == 0
    assert change[137:197, 102:162].mean() > 2
    assert change[still].max() == 0
    page.click("#language")
    page.click("#showlayers")
    page.wait_for_selector("#layerlist li:has-text('自己移动')")


def click_in_photo(page, x, y):
    """The place on the screen of a place in the photo."""
    box = page.locator("#stage").bounding_box()
    scale = style(page, "--s")
    return box["x"] + style(page, "--x") + x * scale, box["y"] + style(page, "--y") + y * scale


def test_motion_and_blur_map(watched, encoded):
    page = watched.page
    watched.give(("a.jpg", encoded()))
    watched.ready()
    page.click("#showmotion")
    page.wait_for_selector("#legend:has-text('path of the camera')")
    marks = page.eval_on_selector(
        "#motion",
        """canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
        .data.some(value => value > 200)""",
    )
    assert marks
    page.click("#showheat")
    page.wait_for_selector("#heat img[src]")
    page.wait_for_selector("#legend:has-text('out of focus')")
    assert page.is_hidden("#motion") and page.get_attribute("#showheat", "aria-pressed") == "true"


def test_two_tabs_keep_to_themselves(watched, browser, server, encoded):
    other = Watched(watched.page.context, watched.page.url)
    watched.give(("left.jpg", encoded()))
    other.give(("right.jpg", encoded()))
    for tab, name in ((watched, "left.jpg"), (other, "right.jpg")):
        tab.page.bring_to_front()
        tab.ready()
        assert tab.page.locator("#film .name").all_inner_texts() == [name]
    other.check(watched.page.url)


def test_names_and_roles_for_screen_readers(watched, encoded):
    page = watched.page
    watched.give(("a.jpg", encoded()))
    watched.ready()
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll(
            'button, a[href], input, select, [role], #padcanvas'
        )].filter(e => !e.ariaHidden && !e.labels?.length && !e.ariaLabel && !e.textContent.trim()
            && !e.title && !['alert', 'status'].includes(e.role)).map(e => e.outerHTML)"""
    )
    assert unnamed == []
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert {"stage", "split", "fit", "strength", "download"} <= set(reached)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(browser, server, encoded, scheme):
    address = f"http://127.0.0.1:{server[0]}/"
    context = browser.new_context(
        viewport={"width": 360, "height": 700}, color_scheme=scheme, has_touch=True, is_mobile=True
    )
    tab = Watched(context, address)
    tab.give(("a.jpg", encoded()))
    tab.ready()
    wide = tab.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    dark = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", dark))) < 380) == (scheme == "dark")
    tab.check(address)
    context.close()


def test_below_a_sub_path(browser, server, sharp_jpeg):
    """Behind a proxy that puts the page under /photos/: scripts, pictures, events, download."""
    with proxied(server[0], "/photos", strips=True) as (port, asked):
        address = f"http://127.0.0.1:{port}/photos/"
        context = browser.new_context(accept_downloads=True)
        context.add_init_script("localStorage.setItem('language', 'en')")
        tab = Watched(context, address)
        tab.give(("sharp.jpg", sharp_jpeg), ("again.jpg", sharp_jpeg))
        tab.ready()
        tab.page.wait_for_selector("#film li[data-kind=sharp] >> nth=1")
        assert tab.page.eval_on_selector("#before img", "image => image.naturalWidth") > 100
        assert tab.take()[1] == sharp_jpeg
        assert tab.take("#zip")[0] == "unblurred.zip"
        tab.page.screenshot(path=os.environ.get("UNBLUR_SCREENSHOT", os.devnull), type="png")
        assert tab.page.is_hidden("#alarm")
        # By address only: the blobs of the page are of its origin, which has no path.
        assert all(u.startswith((address, "blob:")) for u in tab.requests)
        assert asked and all(path.startswith("/photos/") for path in asked)
        assert tab.errors == []
        context.close()


def start(port):
    """Start ``unblur serve`` as people do; returns (process, address)."""
    command = [sys.executable, "-m", "unblur", "serve", "--no-open", "--threads", "1"]
    process = subprocess.Popen(
        [*command, "--port", str(port)], stderr=subprocess.PIPE, text=True, env=os.environ.copy()
    )
    line = process.stderr.readline()
    if "the page is at" not in line:
        process.kill()
        process.communicate()
    assert "the page is at" in line, line
    return process, re.search(r"http://\S+", line)[0]


def test_server_stopped_midway(browser, encoded):
    process, address = start(0)
    context = browser.new_context()
    context.add_init_script("localStorage.setItem('language', 'en')")
    try:
        tab = Watched(context, address)
        tab.give(("a.jpg", encoded()))
        tab.ready()
        tab.give(("b.jpg", encoded()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(100) in (0, -signal.SIGTERM)
        assert process.stderr.read() == ""
        tab.page.wait_for_selector("#alarm:visible")
        assert "does not answer" in tab.page.inner_text("#alarm")
        process.stderr.close()
        process, again = start(int(address.rsplit(":", 1)[1].strip("/")))
        assert again == address
        tab.page.wait_for_selector("#alarm", state="hidden")
        tab.page.wait_for_selector("#film li[data-kind=failed] >> nth=1")
        tab.page.click("#film li:nth-child(1) button")
        tab.page.click("#restore")
        tab.page.wait_for_selector("#film li:nth-child(1)[data-kind=restored]")
        assert [e for e in tab.errors if "ERR_" not in e] == []
    finally:
        context.close()
        process.kill()
        process.wait()
        process.stderr.close()
    time.sleep(0.1)
