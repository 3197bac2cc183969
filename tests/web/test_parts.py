"""Queue, names, metrics, description, words: what can be told without a server."""

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unblur.errors import Full, NotFound, TooMany
from unblur.tone import Evidence, parse_tone
from unblur.web.jobs import Job, Queue
from unblur.web.names import clip_suffix, disposition, distinct, media_type, result_name, safe_name
from unblur.web.orders import Done, Failed, Order, Progress
from unblur.web.settings import Limits

STATIC = Path(__file__).parents[2] / "src" / "unblur" / "web" / "static"
ORDER = Order("restore", Path("x"), Path("y"))


def job(session="a", task="restore", address=""):
    return Job(session, "u", "n", Order(task, Path("x"), Path("y")), address)


def test_sessions_take_turns_and_quick_looks_go_first():
    queue = Queue(Limits())
    many = [job("many") for _ in range(3)]
    one, look = job("one"), job("many", "detect")
    for item in (*many, one, look):
        queue.add(item)
    assert [queue.to_dict(j)["place"] for j in (look, many[0], one)] == [0, 1, 4]
    taken = [queue.take() for _ in range(5)]
    assert taken == [look, one, *many]


def test_quick_looks_of_one_client_do_not_keep_out_another():
    queue = Queue(Limits())
    looks = [job("many", "detect", "a") for _ in range(20)]
    for item in looks:
        queue.add(item)
    assert queue.take() is looks[0]
    one = job("one", address="b")
    queue.add(one)
    assert queue.take() is one


def test_a_client_with_many_sessions_has_one_share():
    queue = Queue(Limits())
    many = [job(f"s{n}", address="a") for n in range(10)]
    others = [job("one", address="b") for _ in range(3)]
    for item in (*many, *others):
        queue.add(item)
    first = [queue.take() for _ in range(6)]
    assert first == [many[0], others[0], many[1], others[1], many[2], others[2]]


def test_removing_what_is_done_gives_no_earlier_turn():
    queue = Queue(Limits())
    patient = [job("p", address="b") for _ in range(3)]
    for item in patient:
        queue.add(item)
    taken = []
    for _ in range(3):
        eager = job("e", address="a")
        queue.add(eager)
        taken.append(queue.take())
        if taken[-1] is eager:
            queue.finish(eager, Failed("BadValue", "why", 400))
            queue.remove(eager)
    assert sum(item in patient for item in taken) >= 1


def test_nobody_takes_all_places():
    limits = Limits(waiting=12, waiting_session=5, waiting_address=8)
    queue = Queue(limits)
    for _ in range(5):
        queue.add(job("s", address="a"))
    with pytest.raises(TooMany, match="5 of your photos"):
        queue.add(job("s", address="a"))
    for n in range(3):
        queue.add(job(f"t{n}", address="a"))
    with pytest.raises(TooMany, match="8 photos of your address"):
        queue.add(job("another", address="a"))
    for n in range(4):
        queue.add(job(f"u{n}", address="b"))
    with pytest.raises(Full):
        queue.add(job("v", address="b"))
    queue.add(job("w", address="c"))  # nothing of it waits yet


def test_the_queue_is_bounded_and_cancelling_makes_room():
    queue = Queue(Limits(waiting=2))
    first, second = job(), job()
    queue.add(first)
    queue.add(second)
    with pytest.raises(Full):
        queue.add(job())
    queue.cancel(first)
    assert first.state == "cancelled"
    queue.add(job())
    assert queue.take() is second
    queue.cancel(second)
    assert queue.to_dict(second)["state"] == "cancelled" and second.state == "running"
    queue.finish(second, Done({"changed": True}))
    assert second.state == "cancelled" and second.result is None
    queue.close()
    assert queue.take() is None


def test_progress_and_time_left():
    queue = Queue(Limits())
    first, second = job(), job()
    queue.add(first)
    queue.add(second)
    assert queue.take() is first
    first.begun -= 10
    queue.progress(first, Progress("restoring", 0.5, 6.0))
    row = queue.to_dict(first)
    assert row["progress"] == 0.5 and row["seconds_left"] == pytest.approx(10, abs=0.5)
    assert queue.to_dict(second)["seconds_left"] > row["seconds_left"]
    queue.progress(first, Progress("restoring", 0.4, 6.0))
    assert queue.to_dict(first)["progress"] == 0.5
    queue.finish(first, Failed("BadValue", "why", 400))
    row = queue.to_dict(first)
    assert row["error"] == {"code": "BadValue", "message": "why"} and row["seconds_left"] is None
    assert queue.finished == {"failed": 1}


def test_removed_jobs_are_gone():
    queue = Queue(Limits())
    item = job()
    queue.add(item)
    with pytest.raises(NotFound):
        queue.get(item.id, "other")
    queue.remove(item)
    with pytest.raises(NotFound):
        queue.get(item.id)
    assert item.is_over


@given(st.text())
def test_names_are_labels_without_ways_out(name):
    safe = safe_name(name)
    assert safe and len(safe.encode()) <= 201 and safe.isprintable()
    assert not set(safe) & set('/\\<>:"|?*') and safe.strip(" .") == safe
    header = disposition(safe)
    assert header.isascii() and header.count('"') == 2 and "\n" not in header


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("CON.jpg", "_CON.jpg"),
        ("nul", "_nul"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("LPT\N{SUPERSCRIPT TWO}.png", "_LPT\N{SUPERSCRIPT TWO}.png"),
        ("aux .jpg", "_aux .jpg"),
        ("CONIN$.txt", "_CONIN$.txt"),
        ("console.jpg", "console.jpg"),
        ("com12.jpg", "com12.jpg"),
        ("photo.jpg...", "photo.jpg"),
        ("photo. . ", "photo"),
        ("C:\\photos\\prn.png", "_prn.png"),
    ],
)
def test_names_that_windows_reserves(name, wanted):
    assert safe_name(name) == wanted
    assert safe_name(wanted) == wanted


@pytest.mark.parametrize("letter", ["a", "\N{CJK UNIFIED IDEOGRAPH-7167}", "\N{GRINNING FACE}"])
def test_long_names_fit_every_file_system(letter):
    (name,) = distinct([result_name(safe_name(letter * 300 + ".jpeg"), "JPEG")])
    assert len(name.encode()) <= 230 and name.endswith(".unblurred.jpeg")


@given(st.lists(st.sampled_from(["a.jpg", "A.jpg", "a (2).jpg", "b", "b.png"])))
def test_names_in_an_archive_differ(names):
    out = distinct(names)
    assert len({name.lower() for name in out}) == len(names)


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("a.JPEG", "JPEG", "a.unblurred.JPEG"),
        ("a.png", "JPEG", "a.unblurred.jpg"),
        ("a.b.tiff", "TIFF", "a.b.unblurred.tiff"),
        ("photo", "PNG", "photo.unblurred.png"),
        ("x.dng", "TIFF", "x.unblurred.tif"),
    ],
)
def test_results_keep_their_names(name, kind, wanted):
    assert result_name(name, kind) == wanted
    assert media_type(wanted) == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    ("start", "suffix"),
    [
        (b"\0\0\0\x18ftypisom", ".mp4"),
        (b"\0\0\0\x18ftypqt  ", ".mov"),
        (b"\0\0\0\x18ftypheic", None),
        (b"\0\0\0\x18ftypavif", None),
        (b"\x1aE\xdf\xa3 webm", ".webm"),
        (b"\x1aE\xdf\xa3 matroska", ".mkv"),
        (b"RIFF1234AVI LIST", ".avi"),
        (b"RIFF1234WEBPVP8 ", None),
        (b"#EXTM3U", None),
        (b"", None),
    ],
)
def test_kinds_of_clips(start, suffix):
    assert clip_suffix(start) == suffix


def test_the_description_is_valid_and_complete(server):
    validator = pytest.importorskip("openapi_spec_validator")
    from unblur.web.api import Api
    from unblur.web.openapi import document

    validator.validate(document())
    told = {
        (method.upper(), path)
        for path, item in document()["paths"].items()
        for method in item
        if method != "parameters"
    }
    routes = {
        (method, route.path.replace(":str", ""))
        for route in Api(server[1]).routes()
        for method in route.methods - {"HEAD"}
    }
    assert told == routes


def test_answers_are_as_described(client, encoded):
    validators = pytest.importorskip("openapi_schema_validator")
    document = client.json("GET", "/api/openapi.json")

    def check(value, schema):
        whole = {"components": document["components"], "$ref": f"#/components/schemas/{schema}"}
        validators.OAS31Validator(whole).validate(value)

    check(client.json("GET", "/api/session"), "Session")
    upload = client.send(encoded())
    check(upload, "Upload")
    check(client.order(upload["id"]), "Job")
    check(client.wait(client.order(upload["id"])), "Job")
    check(client.json("GET", "/api/jobs"), "Jobs")
    check(client.json("GET", "/health"), "Health")
    check(client.json("GET", "/api/jobs/x", status=404), "Error")
    with pytest.raises(Exception, match="required"):
        check({}, "Job")


def test_metrics_are_prometheus_text(client, encoded):
    client.restore(encoded())
    status, headers, text = client.ask("GET", "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    values = {}
    for line in text.decode().splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert re.fullmatch(r'[a-z_]+(\{[a-z]+="[\w.]+"\})?', name), line
            values[name] = float(value)
    assert values['unblur_jobs_finished_total{state="done"}'] >= 1
    assert values["unblur_workers_alive"] == 1
    assert values["unblur_received_bytes_total"] >= len(encoded())


# The page's own files.


def words(language):
    text = (STATIC / "text.js").read_text("utf-8")
    block = re.search(rf"const {language} = \{{(.*?)\n\}};", text, re.DOTALL)[1]
    found = re.findall(r'(?:^|[,{]\s*|\n\s*)(\w+): "((?:[^"\\]|\\.)*)"', block)
    return dict(found)


def test_both_languages_say_everything():
    english, chinese = words("EN"), words("ZH")
    assert len(english) > 100 and english.keys() == chinese.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key


def test_every_word_asked_for_exists():
    html = (STATIC / "index.html").read_text("utf-8")
    asked = set(re.findall(r'data-(?:t|label|hint)="(\w+)"', html))
    for script in STATIC.glob("*.js"):
        asked |= set(re.findall(r'\bt\("(\w+)"', script.read_text("utf-8")))
    assert len(asked) > 60 and asked <= words("EN").keys()


def test_every_kind_of_light_can_be_said():
    english, html = words("EN"), (STATIC / "index.html").read_text("utf-8")
    assert {f"l_{evidence}" for evidence in get_args(Evidence)} <= english.keys()
    offered = re.search(r'<select id="tone".*?</select>', html, re.DOTALL)[0]
    values = re.findall(r'value="([^"]+)"', offered)
    assert values == ["auto", "profile", "srgb", "linear", "gamma:2.2"]
    for value in values:
        curve = parse_tone(value)
        assert curve is None or f"c_{curve.name.partition(':')[0]}" in english


def test_the_page_names_no_other_host_and_runs_no_text():
    for path in STATIC.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text, path.name
        assert not re.search(r"innerHTML|\beval\(|document\.write|style=\"|onclick=\"", text)
    html = (STATIC / "index.html").read_text("utf-8")
    references = re.findall(r'(?:src|href)="([^"#]+)"', html)
    assert len(references) > 3
    for reference in references:
        assert (STATIC.parent / reference).is_file()


def test_verdicts_follow_the_pipelines_words(sharp_jpeg):
    import numpy as np

    import unblur
    from unblur.web.pictures import verdict

    assert verdict(unblur.restore(sharp_jpeg, threads=1).report.reason) == "sharp"
    small = unblur.restore(np.zeros((20, 200, 3), np.uint8))
    assert verdict(small.report.reason) == "small"
    pipeline = Path(unblur.__file__).parent / "pipeline" / "gate.py"
    assert "reliably enough" in pipeline.read_text()
    assert verdict("strength is 0") == "unchanged"
