"""What a comparison says: figures, sentences, and a page that browsers run without a request."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.evaluate.comparing.fakes import fake_pool, in_this_process, write_pairs  # noqa: F401
from unblur.evaluate.comparing.job import Job
from unblur.evaluate.comparing.run import compare
from unblur.evaluate.report import figures, page, words

CHROMIUM = Path("/usr/bin/chromium")
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
QUIET += "--disable-sync --no-first-run"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_pairs(folder / "<b>pairs & co", count=8)
    with pytest.MonkeyPatch.context() as monkeypatch:
        in_this_process(monkeypatch)
        job = Job(str(folder / "<b>pairs & co"))
        return compare(job, ["good", "better", "dark"], folder / "out")


def test_the_table_adds_up(comparison):
    table = {line["model"]: line for line in figures.table(comparison)}
    good = [row for row in comparison.rows if row.method == "good"]
    assert table["good"]["psnr_db"] == pytest.approx(np.mean([r.scores["psnr_db"] for r in good]))
    assert table["good"]["gain"] == pytest.approx(np.mean([r.gain_db for r in good]))
    assert table["blurry"]["gain"] == 0 and table["dark"]["harmed"] == 8
    assert table["good"]["harmed_share"] == 0 and table["good"]["count"] == 8
    seconds = np.mean([r.seconds for r in good]) / (110 * 150 / 1e6)
    assert table["good"]["seconds_per_megapixel"] == pytest.approx(seconds)
    worst = table["good"]["psnr_db_worst"]
    assert worst == pytest.approx(min(r.scores["psnr_db"] for r in good))


def test_differences_are_paired_and_corrected(comparison):
    pairs = {(pair.ours, pair.other): pair for pair in figures.differences(comparison)}
    assert len(pairs) == 6
    better = pairs["better", "good"]
    assert better.gain == pytest.approx(20 * np.log10(0.5 / 0.4), abs=0.1)
    # Eight of eight: the smallest p of the test, times the number of pairs that are as small.
    assert better.difference.wilcoxon_p == pytest.approx(2 / 2**8)
    assert better.holm_p == pytest.approx(6 * 2 / 2**8) and better.significant
    assert pairs["dark", "good"].gain < 0


def test_holm_by_hand():
    assert figures.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert figures.holm([0.9, 0.8]) == [1.0, 1.0] and figures.holm([]) == []


def test_the_worst_photo_comes_first_and_thirds_go_by_the_blurry_score(comparison):
    worst = [photo["worst_gain"] for photo in figures.photos(comparison)]
    assert worst == sorted(worst) and worst[0] < 0
    groups = figures.difficulty(comparison)
    assert [group["label"].split()[0] for group in groups] == ["blurriest", "middle", "least"]
    assert sum(group["count"] for group in groups) == 8


def test_sentences_name_winner_losers_and_harm(comparison):
    said = " ".join(words.verdict(comparison))
    assert said.startswith("Best on these 8 photos: better, mean PSNR ")
    assert "Surely better than good by +1.9" in said and "dark by" in said
    assert "made 0 of 8 photos worse by more than 0.1 dB" in said
    text = words.text_table(comparison).splitlines()
    assert len(text) == 5 and "100.0%" in text[-1]


def test_few_photos_and_useless_models_are_called_so(tmp_path, fake_pool):  # noqa: F811
    write_pairs(tmp_path / "two", count=2)
    found = compare(Job(str(tmp_path / "two")), ["dark"], tmp_path / "out")
    said = " ".join(words.verdict(found))
    assert "No model is surely better than leaving the photos alone" in said
    assert "On so few photos (2) nothing is sure" in said and "made 2 of 2 photos worse" in said


def test_other_protocols_have_their_own_main_score(tmp_path, fake_pool):  # noqa: F811
    write_pairs(tmp_path / "pairs", count=3)
    job = Job(str(tmp_path / "pairs" / "blurry"), dataset="photos")
    found = compare(job, ["dark"], tmp_path / "out")
    assert found.protocol.name == "unpaired" and "sharp" not in found.shots[0].pictures
    gains = figures.gains(found)["dark"]
    scores = {(r.method, r.name): r.scores["blur_effect"] for r in found.rows}
    for name, gain in gains.items():
        assert gain == pytest.approx(scores["blurry", name] - scores["dark", name])
    assert "blur effect" in words.text_table(found)


def test_scores_that_some_photos_lack_are_means_of_the_rest(comparison):
    from dataclasses import replace

    rows = tuple(
        replace(row, scores={**row.scores, **({"vif": 0.5} if row.name == "p3" else {})})
        for row in comparison.rows
    )
    part = replace(comparison, rows=rows)
    assert all(line["vif"] == 0.5 for line in figures.table(part))
    assert "VIF" in words.text_table(part) and '"vif": 0.5' in page.to_html(part, shown=0)


def test_linear_light_is_shown_as_screens_show_it():
    from unblur.evaluate.cases import Case
    from unblur.evaluate.comparing.crops import displayed
    from unblur.evaluate.samples import Photo8

    grey = np.full((4, 5, 1), 0.2159, np.float32)
    linear = Case("a", Photo8(Path("a.png")), facts={"light": "linear"})
    srgb = Case("a", Photo8(Path("a.png")))
    assert displayed(grey, linear).shape == (4, 5, 3)
    assert (displayed(grey, linear) == 128).all() and (displayed(grey, srgb) == 55).all()


def test_the_page_is_whole_and_asks_for_nothing(comparison):
    html = page.to_html(comparison, shown=2)
    assert not re.search(r"""(?:src|href)=["']?(?!data:)\w""", html)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)
    # The name of the data is hostile; it neither ends the script nor becomes a tag.
    assert "<title>&lt;b&gt;pairs &amp; co: 4 models compared</title>" in html
    assert html.count("</script>") == 2 and "<b>" not in html
    assert "<" not in page._script_json({"a</script>": "<!--"})
    content = re.search(r'id="content">(.*?)</script>', html, re.DOTALL)[1]
    facts = json.loads(content)
    assert facts["data"] == "<b>pairs & co" and len(facts["pictures"]) == 2
    assert list(facts["pictures"]) == [photo["name"] for photo in facts["photos"][:2]]
    assert "{{" not in html.replace(content, "")


def test_infinite_scores_are_words(comparison):
    assert page._finite({"a": [float("inf"), -float("inf"), float("nan"), 1.5]}) == {
        "a": ["∞", "-∞", "?", 1.5]
    }


@pytest.fixture
def browser_page(comparison, tmp_path):
    """Return the report in a browser, with all requests and errors it made."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.is_file():
        pytest.skip(f"there is no browser at {CHROMIUM}")
    path = tmp_path / "report.html"
    path.write_text(page.to_html(comparison), "utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET.split())
        opened = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="dark")
        opened.requests, opened.errors = [], []
        opened.on("request", lambda r: opened.requests.append(r.url))
        opened.on("pageerror", lambda e: opened.errors.append(str(e)))
        opened.on("console", lambda m: opened.errors.append(m.text))
        opened.goto(path.as_uri())
        yield opened
        outside = [url for url in opened.requests if not url.startswith("data:")]
        assert outside == [path.as_uri()] and opened.errors == []
        browser.close()


def column(opened, table, number):
    return opened.locator(f"{table} tbody tr td:nth-child({number})").all_inner_texts()


def test_the_table_sorts_and_the_plots_are_drawn(browser_page):
    names = column(browser_page, "#table", 1)
    assert names == ["better", "good", "blurry", "dark"]
    head = browser_page.locator("#table th button", has_text="model")
    head.click()
    assert column(browser_page, "#table", 1) == ["better", "blurry", "dark", "good"]
    head.click()
    assert column(browser_page, "#table", 1) == ["good", "dark", "blurry", "better"]
    for plot, marks in (("#cost", 3), ("#hard", 9), ("#strip", 24)):
        assert browser_page.locator(f"{plot} .mark").count() == marks
    assert browser_page.locator("#pairs td.better").count() == 6
    browser_page.locator("#cost .mark circle").first.hover()
    assert "processor seconds per megapixel" in browser_page.locator("#tip").inner_text()


def test_sliders_move_and_the_worst_case_is_first(browser_page):
    gains = browser_page.evaluate("data.photos.map((photo) => photo.worst_gain)")
    first = browser_page.evaluate("data.photos[0].name")
    photos = browser_page.locator(".photo")
    assert gains == sorted(gains) and photos.count() == 8
    assert photos.first.get_attribute("data-name") == first
    slider = photos.first.locator(".slider")
    over = slider.locator("img.over")
    before = over.evaluate("image => getComputedStyle(image).clipPath")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    browser_page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    browser_page.mouse.down()
    browser_page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2)
    browser_page.mouse.up()
    after = over.evaluate("image => getComputedStyle(image).clipPath")
    assert before == "inset(0px 0px 0px 50%)" and after != before
    share = float(re.search(r"([\d.]+)%\)", after)[1])
    assert share == pytest.approx(20, abs=4)
    shown = "image => image.naturalWidth"
    assert over.evaluate(shown) > 50 and slider.locator("img").first.evaluate(shown) > 50


def test_other_pictures_other_orders_other_light(browser_page):
    photo = browser_page.locator(".photo").first
    assert photo.locator(".label.r").inner_text() == "better"
    photo.locator(".thumb", has_text="dark").click()
    assert photo.locator(".label.r").inner_text() == "dark"
    browser_page.select_option("#left", "sharp")
    assert browser_page.locator(".photo .label.l").first.inner_text() == "sharp"
    browser_page.select_option("#order", "name")
    assert browser_page.locator(".photo").first.get_attribute("data-name") == "p0"
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = browser_page.evaluate(paper)
    browser_page.locator("#theme").click()
    assert sum(map(int, re.findall(r"\d+", browser_page.evaluate(paper)))) > sum(
        map(int, re.findall(r"\d+", dark))
    )
