"""The server where others put it: under a sub-path, and asked in ways that are not its own."""

import http.client
import json
from urllib.parse import urljoin

import pytest

from tests.web.proxying import proxied
from tests.web.serving import Client, running
from unblur.errors import BadValue
from unblur.runtime import ONE_THREAD
from unblur.web.settings import Settings


class Below(Client):
    """A client that is given an address below a sub-path."""

    prefix = "/photos"

    def ask(self, method, path, body=None, headers=None):
        return super().ask(method, self.prefix + path, body, headers)


@pytest.fixture(scope="module")
def rooted():
    """The port of a server that knows its sub-path."""
    settings = Settings(runtime=ONE_THREAD, root_path="/photos", trusted_proxies=("127.0.0.1",))
    with running(settings) as (port, hub):
        assert hub.workers[0].ready.wait(60)
        yield port


def references(html):
    import re

    return re.findall(r'(?:src|href)="([^"#]+)"', html)


@pytest.mark.parametrize("strips", [True, False])
def test_the_page_and_the_api_below_a_sub_path(server, rooted, strips, sharp_jpeg):
    """Proxies that take the sub-path away need no setting, others need --root-path."""
    port = server[0] if strips else rooted
    with proxied(port, "/photos", strips=strips) as (outside, asked):
        client = Below(outside)
        status, headers, html = client.ask("GET", "/")
        assert status == 200 and headers["cache-control"] == "no-cache"
        found = references(html.decode())
        assert len(found) > 3
        for reference in found:
            path = urljoin("/photos/", reference)
            assert path.startswith("/photos/static/")
            assert Client(outside).ask("GET", path)[0] == 200
        client.begin()
        job = client.restore(sharp_jpeg, "a.jpg")
        assert job["state"] == "done"
        assert len(client.take(job, "?format=png")[1]) > 1000
        document = client.json("GET", "/api/openapi.json")
        where = urljoin("/photos/api/openapi.json", document["servers"][0]["url"])
        assert urljoin(where, "api/session") == "/photos/api/session"
        assert all(path.startswith("/photos/") for path in asked)


def test_requests_of_other_sites_are_refused_below_a_sub_path_too(rooted):
    client = Below(rooted)
    assert client.ask("GET", "/api/session", headers={"Origin": "https://evil.example"})[0] == 403
    assert client.ask("GET", "/api/jobs")[0] == 403
    assert client.ask("GET", "/static/..%2fsettings.py")[0] == 404
    assert Client(rooted).ask("GET", "/photosapi/session")[0] == 404


def test_the_sub_path_itself_leads_to_the_page(rooted):
    status, headers, _ = Client(rooted).ask("GET", "/photos")
    assert status == 308 and urljoin("/photos", headers["location"]) == "/photos/"
    assert Client(rooted).ask("GET", "/photos/")[0] == 200
    assert Client(rooted).ask("GET", "/")[0] == 200


@pytest.mark.parametrize("path", ["photos", "/photos/", "//photos", "/a b", "/..%2f", "/é", "/"])
def test_root_paths_that_are_none(path):
    with pytest.raises(BadValue, match="root path"):
        Settings(root_path=path)


FORM = (
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0 a photo\r\n--cut--\r\n"
)


@pytest.mark.parametrize("path", ["/api/uploads?name=a.jpg", "/api/jobs"])
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=cut", "Multipart/Mixed"])
def test_forms_are_refused_in_words(client, server, path, kind):
    before = server[1].store.count
    answer = client.json("POST", path, FORM, status=415, headers={"Content-Type": kind})
    assert answer["error"]["code"] == "WrongType"
    assert "form" in answer["error"]["message"] and "--data-binary" in answer["error"]["message"]
    assert server[1].store.count == before


def test_packed_bodies_are_refused_in_words(client):
    import gzip

    body, headers = gzip.compress(b"photo"), {"Content-Encoding": "gzip"}
    answer = client.json("POST", "/api/uploads", body, status=415, headers=headers)
    assert answer["error"]["code"] == "WrongType" and "gzip" in answer["error"]["message"]


@pytest.mark.parametrize(
    "kind", ["image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", ""]
)
def test_plain_bodies_are_taken_whatever_they_are_called(client, kind, encoded):
    """Curl says of what it sends by --data-binary that it is a form of the other kind."""
    headers = {"Content-Type": kind} if kind else {}
    assert client.json("POST", "/api/uploads", encoded(), status=201, headers=headers)["id"]


def test_a_form_that_is_still_coming_is_answered_too(client):
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    connection.putrequest("POST", "/api/uploads")
    connection.putheader("X-Unblur-Token", client.token)
    connection.putheader("Content-Type", "multipart/form-data; boundary=cut")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders(FORM)
    answer = connection.getresponse()
    assert answer.status == 415 and json.loads(answer.read())["error"]["code"] == "WrongType"
    connection.close()
